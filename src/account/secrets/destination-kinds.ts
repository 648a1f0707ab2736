/** A kind of destination that `--to` takes. */
export interface DestinationKind {
  readonly name: string;
  /** How to write it: `github[:OWNER/REPO][@ENVIRONMENT]`. */
  readonly form: string;
  readonly example: string;
}

/** The destinations of `--to`. */
export const destinationKinds = [
  {
    name: 'github',
    form: 'github[:OWNER/REPO][@ENVIRONMENT]',
    example: 'github:acme/api@production',
  },
  { name: 'gitlab', form: 'gitlab', example: 'gitlab' },
  {
    name: 'vercel',
    form: 'vercel:ENVIRONMENT',
    example: 'vercel:production',
  },
  { name: 'fly', form: 'fly[:APP]', example: 'fly:my-app' },
  {
    name: 'cloudflare',
    form: 'cloudflare[:WORKER]',
    example: 'cloudflare:my-worker',
  },
  {
    name: 'kubernetes',
    form: 'kubernetes:NAMESPACE/NAME',
    example: 'kubernetes:production/api',
  },
  {
    name: 'kubernetes-manifest',
    form: 'kubernetes-manifest:NAMESPACE/NAME',
    example: 'kubernetes-manifest:production/api',
  },
  {
    name: 'systemd',
    form: 'systemd:FILE',
    example: 'systemd:/etc/credstore.encrypted/api-key',
  },
  {
    name: 'command',
    form: 'command:PROGRAM',
    example: 'command:./store-key.sh',
  },
] as const satisfies readonly DestinationKind[];

/** The name of a kind. */
export type DestinationName = (typeof destinationKinds)[number]['name'];
