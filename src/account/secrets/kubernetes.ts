import type { Context } from '../../context/context.ts';
import type { Description, Destination, NewKey, Reservation } from './destination.ts';
import { oneSecret, type ProgramOfSecrets, type SecretPlace } from './program-destination.ts';

const kubectl: ProgramOfSecrets = {
  name: 'kubectl',
  setUp:
    'Install kubectl from https://kubernetes.io/docs/tasks/tools, and select a cluster with `kubectl config use-context`.',
};

/** The name of a Secret. */
export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

/** What takes the place of the secret before there is one. */
const placeholder = 'placeholder';

/**
 * Returns a key of a Secret in the current cluster of kubectl. Applies it on the server, which leaves the other keys of the Secret
 * alone, and doesn't repeat the secret in an annotation.
 */
export function kubernetesSecret({ namespace, name }: SecretName, variable: string): SecretPlace {
  const label = `Kubernetes Secret ${namespace}/${name}`;
  /** Each key has a manager of its own, because applying one key removes the others of the same manager. */
  const apply = (replaces: boolean) => [
    'apply',
    '--server-side',
    `--field-manager=cheapestinference-${variable}`,
    '--validate=false',
    ...(replaces ? ['--force-conflicts'] : []),
    '--filename=-',
  ];
  const manifest = (secret: string) => `${JSON.stringify(secretManifest({ namespace, name }, variable, secret))}\n`;
  return {
    program: kubectl,
    name: label,
    words: `in the key ${variable} of the ${label}`,
    option: `kubernetes:${namespace}/${name}`,
    variable,
    async check(run) {
      const names = await run([
        'get',
        'secret',
        name,
        `--namespace=${namespace}`,
        '--ignore-not-found',
        // Prints no values.
        '--output=go-template={{range $key, $value := .data}}{{$key}}{{"\\n"}}{{end}}',
      ]);
      const exists = names.split(/\r?\n/).includes(variable);
      await run([...apply(exists), '--dry-run=server'], manifest(placeholder));
      return exists;
    },
    write: async (run, secret, replaces) => void (await run(apply(replaces), manifest(secret))),
  };
}

/** Prints a Secret as YAML on stdout, instead of the result. */
export class KubernetesManifest implements Destination {
  readonly #output: Context['output'];
  readonly #secret: SecretName;
  readonly #variable: string;

  constructor({ output }: Pick<Context, 'output'>, secret: SecretName, variable: string) {
    this.#output = output;
    this.#secret = secret;
    this.#variable = variable;
  }

  /** The delivery itself checks stdout. */
  async prove(): Promise<Reservation> {
    return { release: async () => {} };
  }

  async write(keys: readonly NewKey[]): Promise<void> {
    const { stringify } = await import('yaml');
    const manifest = secretManifest(this.#secret, this.#variable, oneSecret(keys));
    this.#output.raw(stringify({ ...manifest, type: 'Opaque' }));
    await this.#output.written();
  }

  describe(count: number): Description {
    return { count, words: 'in the manifest on standard output', variables: [this.#variable], isResult: true };
  }
}

/** Returns a Secret with one key. Without a type, an existing Secret keeps its own. */
function secretManifest({ namespace, name }: SecretName, variable: string, secret: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    data: { [variable]: Buffer.from(secret).toString('base64') },
  };
}
