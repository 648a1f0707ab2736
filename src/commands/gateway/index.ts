import { isCommandTyped, refuseOptionsBeforeCommand, refuseUnknownCommand } from '../../cli/noun-options.ts';
import type { Stub, Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';
import { eventFields } from '../../gateway/events.ts';
import type { ServeContext } from '../../gateway/session.ts';
import { addServeOptions, type ServeFlags, serveArguments, serveOptionsOf } from './options.ts';

/** How `ci gateway` serves. */
export interface Options extends ServeFlags {
  readonly quiet?: true;
  readonly background?: true;
  readonly untilUnused?: true;
}

export const notes = `A pool key answers one request at a time. The gateway gives your programs one
address on this machine, and spreads their requests over all your seats.

  ci run --gateway -- opencode    Run a program with it
  ci connect opencode --gateway   Connect a tool to it`;

/** The commands of `ci gateway`. */
export const commands: readonly Stub[] = [
  { term: 'status', description: 'Show the running gateways and their seats', load: () => import('./status.ts') },
  { term: 'stop', description: 'Stop the running gateway', load: () => import('./stop.ts') },
  { term: 'token', description: 'Print the token that clients use', load: () => import('./token.ts') },
  { term: 'install', description: 'Start the gateway when you log in (systemd)', load: () => import('./install.ts') },
  {
    term: 'export <format>',
    description: 'Print a configuration for a proxy that several machines share',
    load: () => import('./export.ts'),
  },
];

/** `ci gateway`: serves all seats of the account at one address on this machine. */
export default function gateway(noun: Verb, context: Context, execute = run): void {
  noun.usage('[command]').tell({
    fields: eventFields,
    examples: [
      'ci gateway',
      'ci gateway --background',
      'ci gateway --pools kimi26 --outside wait',
      'ci gateway --outside credit --credit-key overflow',
      'ci gateway --listen 0.0.0.0:8788 --cert cert.pem --key key.pem',
    ],
  });
  if (isCommandTyped(noun)) return;
  refuseOptionsBeforeCommand(noun);
  refuseUnknownCommand(noun);
  addServeOptions(noun)
    .option('--quiet', "Don't print each request")
    .option('--background', 'Run in the background')
    .option('--until-unused', 'Stop it when no `ci run --gateway` uses it')
    .action((options: Options) => execute(options, context));
}

/** Serves a gateway until it is interrupted, or starts one in the background. */
export async function run(options: Options, context: ServeContext): Promise<void> {
  const { quiet = false, background, untilUnused = false, ...flags } = options;
  if (background && quiet) throw usageError("--background and --quiet can't be combined", 'Leave out --quiet.');
  const serveOptions = serveOptionsOf(flags, context.world);
  if (!background) {
    const { serveGateway } = await import('../../gateway/serve.ts');
    return serveGateway(context, { ...serveOptions, quiet, untilUnused });
  }
  const { startInBackground } = await import('../../gateway/background.ts');
  const { fields, printStarted } = await import('./result.ts');
  // Before it starts, because an error says that nothing was done.
  context.output.checkFields(fields);
  const args = [...serveArguments(serveOptions, context.world), ...(untilUnused ? ['--until-unused'] : [])];
  const started = await startInBackground(context, args);
  await printStarted(context, started);
}
