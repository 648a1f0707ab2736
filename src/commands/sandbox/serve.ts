import { sandboxPort } from '../../account/web-pages.ts';
import { invalidValue } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { sandboxFolder } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';

const fields = ['url', 'managementKey', 'folder'] as const;

/** Where `ci sandbox serve` serves. */
export interface Options {
  readonly port: number;
}

/** `ci sandbox serve`: serves the sandbox to curl and SDKs until Ctrl-C. */
export default function serve(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      examples: ['ci sandbox serve', 'ci sandbox serve --port 8787', 'ci sandbox serve --port 0 --json'],
    })
    .option('--port <number>', 'TCP port on 127.0.0.1, or 0 for any free port', parsePort, sandboxPort)
    .action((options: Options) => execute(options, context));
}

/** Serves the sandbox until it is interrupted. */
export async function run(
  { port }: Options,
  context: Pick<Context, 'connections' | 'output' | 'world'>,
): Promise<void> {
  const { output } = context;
  const folder = sandboxFolder(context.world.env);
  const { sandboxManagementKey: managementKey } = await import('../../sandbox/state.ts');
  const { url } = await context.connections.startSandbox(port);
  output.note('Sandbox: nothing is charged. Press Ctrl-C to stop it.');
  await output.record(
    { url, managementKey, folder },
    {
      columns: [
        { field: 'url', header: 'URL', value: (row) => row.url },
        { field: 'managementKey', header: 'Management key', value: (row) => row.managementKey },
        { field: 'folder', header: 'State', value: (row) => row.folder },
      ],
      fields,
    },
  );
  await untilAborted(context.world.interrupt);
}

/** Waits for Ctrl-C. A timer keeps the process alive, because the sandbox doesn't. */
function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const alive = setInterval(() => {}, 3_600_000);
    signal.addEventListener('abort', () => resolve(clearInterval(alive)), { once: true });
  });
}

function parsePort(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw invalidValue(text, 'port', 'Use a whole number from 0 to 65535.');
}
