import { statSync } from 'node:fs';
import type { Verb } from '../cli/verb.ts';
import { keyFor } from '../config/settings.ts';
import type { Context } from '../context/context.ts';
import { CommandError, messageOf } from '../domain/errors.ts';
import { masked, redacted } from '../domain/secrets.ts';
import { shellWord } from '../domain/shell-word.ts';
import type { Drawing } from '../output/output.ts';

export const fields = ['check', 'status', 'detail'] as const;

/** One thing looked at. */
interface Examined {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly detail: string;
}

/** How far the clocks may differ, in milliseconds, before what is live is told wrong. */
const clockTolerance = 60_000;

/** `ci doctor`: what could be in the way. */
export default function doctor(command: Verb, context: Context, execute = run): void {
  command
    .tell({ fields, examples: ['ci doctor', 'ci doctor --json | jq -r \'.[] | select(.status != "ok")\''] })
    .action(() => execute(context));
}

type ExaminedContext = Pick<
  Context,
  'api' | 'clocks' | 'connections' | 'output' | 'profiles' | 'result' | 'settings' | 'world'
>;

/** Prints what could be in the way of a command. */
export async function run(context: ExaminedContext): Promise<void> {
  const managementKey = key(context);
  const examined = [
    node(),
    folder(context),
    file(context),
    proxy(context),
    managementKey,
    address(context),
    ...(await network(context, managementKey.status === 'ok')),
  ];
  if (examined.some(({ status }) => status === 'failed')) context.result.exitCode = 1;
  await context.output.list(examined, { fields, empty: '', drawing });
}

function node(): Examined {
  const nodeVersion = process.versions.node;
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  const good = major > 20 || (major === 20 && minor >= 18);
  return {
    check: 'Node.js',
    status: good ? 'ok' : 'failed',
    detail: good ? nodeVersion : `${nodeVersion}; 20.18 or later is needed`,
  };
}

function folder({ profiles }: Pick<Context, 'profiles'>): Examined {
  const check = 'configuration folder';
  try {
    return owned(check, profiles.folder, 0o700);
  } catch (error) {
    return { check, status: 'failed', detail: reason(error) };
  }
}

function file({ profiles }: Pick<Context, 'profiles'>): Examined {
  const check = 'configuration file';
  try {
    profiles.names();
    return owned(check, profiles.file, 0o600);
  } catch (error) {
    return { check, status: 'failed', detail: reason(error) };
  }
}

/** Whether only its owner can look into a file or folder; on Windows modes say nothing. */
function owned(check: string, path: string, expected: number): Examined {
  try {
    const mode = statSync(path).mode & 0o777;
    const open = process.platform !== 'win32' && (mode & ~expected) !== 0;
    const octal = mode.toString(8).padStart(4, '0');
    return open
      ? {
          check,
          status: 'failed',
          detail: `${path} has mode ${octal}: others can look in; run chmod ${expected.toString(8)} ${shellWord(path)}`,
        }
      : { check, status: 'ok', detail: `${path} (${octal})` };
  } catch {
    return { check, status: 'ok', detail: `${path} is not there yet` };
  }
}

function proxy({ world: { env } }: Pick<Context, 'world'>): Examined {
  const names = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];
  const set = names.find((name) => env[name]);
  const url = set === undefined ? '' : (env[set] ?? '');
  if (set === undefined) return { check: 'proxy', status: 'ok', detail: 'none' };
  if (!URL.canParse(url)) return { check: 'proxy', status: 'failed', detail: `${set} is not a URL` };
  const { protocol, host } = new URL(url);
  const not = env.no_proxy || env.NO_PROXY;
  return { check: 'proxy', status: 'ok', detail: `${protocol}//${host} (${set})${not ? `, but not for ${not}` : ''}` };
}

function key(context: Pick<Context, 'profiles' | 'settings'>): Examined {
  const check = 'management key';
  try {
    const { profiles, settings } = context;
    if (settings.sandbox.value) return { check, status: 'ok', detail: "the sandbox's own" };
    const value = keyFor(settings, profiles);
    if (value === undefined) return { check, status: 'failed', detail: 'none; run ci auth login' };
    return { check, status: 'ok', detail: `${masked(value)} from ${settings.managementKey?.origin}` };
  } catch (error) {
    return { check, status: 'failed', detail: reason(error) };
  }
}

function address(context: Pick<Context, 'settings'>): Examined {
  const check = 'address';
  try {
    const { apiUrl, sandbox } = context.settings;
    return { check, status: 'ok', detail: sandbox.value ? 'the sandbox' : `${apiUrl.value} (from ${apiUrl.origin})` };
  } catch (error) {
    return { check, status: 'failed', detail: reason(error) };
  }
}

/**
 * Whether the API answers, how fast, by which clock, and to this key.
 *
 * @param withKey - false where the key was found unfit: it is not sent
 */
async function network(context: ExaminedContext, withKey: boolean): Promise<Examined[]> {
  try {
    const { settings, clocks } = context;
    const api = await (withKey ? context.api() : context.connections.withManagementKey(undefined));
    await api.pools.list();
    const started = clocks.wall();
    await api.pools.list();
    const latency = clocks.wall() - started;
    const offset = Math.round(api.client.clockOffset / 1000);
    const inSandbox = settings.sandbox.value;
    const apart = !inSandbox && Math.abs(api.client.clockOffset) > clockTolerance;
    const signedIn = await api.billing.status().then(
      (): Examined => ({ check: 'signed in', status: 'ok', detail: 'the API accepts the key' }),
      (error: unknown): Examined => ({ check: 'signed in', status: 'failed', detail: reason(error) }),
    );
    return [
      {
        check: 'API',
        status: 'ok',
        detail: `answers in ${latency} ms`,
      },
      {
        check: 'clock',
        status: apart ? 'warning' : 'ok',
        detail: apart
          ? `the server is ${Math.abs(offset)} s ${offset < 0 ? 'behind' : 'ahead of'} this machine: what is live is told by its clock`
          : inSandbox
            ? "the sandbox's own"
            : `the server's, within ${Math.abs(offset)} s`,
      },
      signedIn,
    ];
  } catch (error) {
    return [{ check: 'API', status: 'failed', detail: reason(error) }];
  }
}

function reason(error: unknown): string {
  if (error instanceof CommandError) return redacted([error.message, error.hint].filter(Boolean).join('. '));
  return redacted(messageOf(error));
}

/** A line a check; a long path may run on, so this is no table. */
const drawing: Drawing<readonly Examined[]> = (style, examined) => {
  const marks = { ok: style.good('✓'), warning: style.warning('!'), failed: style.bad('✗') };
  const width = Math.max(...examined.map(({ check }) => check.length));
  return examined.map(({ check, status, detail }) => `${marks[status]} ${check.padEnd(width)}  ${detail}\n`).join('');
};
