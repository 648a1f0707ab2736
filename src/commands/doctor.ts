import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Verb } from '../cli/verb.ts';
import { stateFolder } from '../config/folders.ts';
import { keyFor, originInWords } from '../config/settings.ts';
import type { Context } from '../context/context.ts';
import { counted } from '../domain/counted.ts';
import { durationInWords } from '../domain/duration.ts';
import { CommandError, messageOf, messageWithHint } from '../domain/errors.ts';
import { masked, redacted } from '../domain/secrets.ts';
import { shellWord } from '../domain/shell-word.ts';
import { versionInWords } from '../domain/version.ts';
import type { Drawing } from '../output/output.ts';

export const fields = ['check', 'status', 'detail'] as const;

/** The result of a check. */
interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly detail: string;
}

/** Maximum difference of the clocks, in milliseconds. Beyond it, the blocks that are live may be shown wrong. */
const clockTolerance = 60_000;

/** `ci doctor`: checks the configuration, the key, the connection and the connected tools. */
export default function doctor(command: Verb, context: Context, execute = run): void {
  command
    .tell({ fields, examples: ['ci doctor', 'ci doctor --json | jq -r \'.[] | select(.status != "ok")\''] })
    .action(() => execute(context));
}

type CheckedContext = Pick<
  Context,
  'api' | 'clocks' | 'connections' | 'output' | 'profiles' | 'record' | 'result' | 'settings' | 'world'
>;

/** Checks the configuration, the key, the connection and the connected tools. */
export async function run(context: CheckedContext): Promise<void> {
  const managementKey = checkKey(context);
  const apiUrl = checkUrl(context);
  const findings = [
    ...checkBuild(context),
    checkDirectory(context),
    checkFile(context),
    checkProxy(context),
    managementKey,
    apiUrl,
    // Without readable settings, the checks above have failed.
    ...(apiUrl.status === 'ok' ? await checkStateDatabase(context) : []),
    ...(await checkNetwork(context, managementKey.status === 'ok')),
    ...(await checkTools(context)),
  ];
  if (findings.some(({ status }) => status === 'failed')) context.result.exitCode = 1;
  await context.output.list(findings, { fields, empty: '', drawing });
}

/** Returns which build runs. A standalone binary doesn't use the Node.js of the system. */
function checkBuild({ world: { version, platform } }: Pick<Context, 'world'>): Finding[] {
  const build = (detail: string): Finding => ({ check: 'build', status: 'ok', detail });
  return platform === undefined
    ? [build(`${version}, npm package`), checkNode()]
    : [build(versionInWords(version, platform))];
}

function checkNode(): Finding {
  const nodeVersion = process.versions.node;
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  const good = major > 20 || (major === 20 && minor >= 18);
  return {
    check: 'Node.js',
    status: good ? 'ok' : 'failed',
    detail: good ? nodeVersion : `${nodeVersion}; install 20.18 or later`,
  };
}

function checkDirectory({ profiles }: Pick<Context, 'profiles'>): Finding {
  const check = 'config directory';
  try {
    return owned(check, profiles.folder, 0o700);
  } catch (error) {
    return { check, status: 'failed', detail: reason(error) };
  }
}

function checkFile({ profiles }: Pick<Context, 'profiles'>): Finding {
  const check = 'config file';
  try {
    profiles.names();
    return owned(check, profiles.file, 0o600);
  } catch (error) {
    return { check, status: 'failed', detail: reason(error) };
  }
}

/**
 * Checks that users other than the owner have no access to a file or directory. On Windows, modes don't tell.
 *
 * @param privateMode - the chmod mode that fixes it
 */
function owned(check: string, path: string, privateMode: number): Finding {
  try {
    const mode = statSync(path).mode & 0o777;
    const open = process.platform !== 'win32' && (mode & 0o077) !== 0;
    const octal = mode.toString(8).padStart(4, '0');
    return open
      ? {
          check,
          status: 'failed',
          detail: `Other users can access ${path} (mode ${octal}). Run \`chmod ${privateMode.toString(8)} ${shellWord(path)}\`.`,
        }
      : { check, status: 'ok', detail: `${path} (${octal})` };
  } catch {
    return { check, status: 'ok', detail: `${path} doesn't exist yet` };
  }
}

function checkProxy({ world: { env } }: Pick<Context, 'world'>): Finding {
  const names = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];
  const set = names.find((name) => env[name]);
  const url = set === undefined ? '' : (env[set] ?? '');
  if (set === undefined) return { check: 'proxy', status: 'ok', detail: 'None' };
  if (!URL.canParse(url)) return { check: 'proxy', status: 'failed', detail: `${set} is not a valid URL` };
  const { protocol, host } = new URL(url);
  const not = env.no_proxy || env.NO_PROXY;
  return { check: 'proxy', status: 'ok', detail: `${protocol}//${host} (${set})${not ? `, except for ${not}` : ''}` };
}

function checkKey(context: Pick<Context, 'profiles' | 'settings'>): Finding {
  const check = 'management key';
  try {
    const { profiles, settings } = context;
    if (settings.sandbox.value) return { check, status: 'ok', detail: "The sandbox's own" };
    const value = keyFor(settings, profiles);
    const origin = settings.managementKey?.origin;
    if (value === undefined || origin === undefined)
      return { check, status: 'failed', detail: 'None. Run `ci auth login`.' };
    return { check, status: 'ok', detail: `${masked(value)} ${originInWords(origin)}` };
  } catch (error) {
    return { check, status: 'failed', detail: reason(error) };
  }
}

function checkUrl(context: Pick<Context, 'settings'>): Finding {
  const check = 'API URL';
  try {
    const { apiUrl, sandbox } = context.settings;
    return {
      check,
      status: 'ok',
      detail: sandbox.value ? 'The sandbox' : `${apiUrl.value} (${originInWords(apiUrl.origin)})`,
    };
  } catch (error) {
    return { check, status: 'failed', detail: reason(error) };
  }
}

/** Checks the state database, if one is used: its settings, its connection and its tables. */
async function checkStateDatabase({ record, settings }: Pick<Context, 'record' | 'settings'>): Promise<Finding[]> {
  const check = 'state database';
  try {
    if (!record.isShared || !settings.stateUrl) return [];
    const { database } = await record.database();
    await database.check();
    return [{ check, status: 'ok', detail: `${database.address.label} (${originInWords(settings.stateUrl.origin)})` }];
  } catch (error) {
    return [{ check, status: 'failed', detail: reason(error) }];
  }
}

/**
 * Checks whether the API responds, how fast, whether the clocks agree, and whether it accepts the key.
 *
 * @param withKey - false if the key isn't valid, and so isn't sent
 */
async function checkNetwork(context: CheckedContext, withKey: boolean): Promise<Finding[]> {
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
      (): Finding => ({ check: 'signed in', status: 'ok', detail: 'The API accepts the key' }),
      (error: unknown): Finding => ({ check: 'signed in', status: 'failed', detail: reason(error) }),
    );
    return [
      {
        check: 'API',
        status: 'ok',
        detail: `Responds in ${latency} ms`,
      },
      {
        check: 'clock',
        status: apart ? 'warning' : 'ok',
        detail: apart
          ? `This machine's clock is ${durationInWords(Math.abs(offset) * 1000)} ${offset < 0 ? 'ahead of' : 'behind'} the server's. Set your clock: the server's time decides which blocks are live.`
          : inSandbox
            ? "The sandbox's own"
            : `Within ${counted(Math.max(1, Math.abs(offset)), 'second')} of the server's`,
      },
      signedIn,
    ];
  } catch (error) {
    return [{ check: 'API', status: 'failed', detail: reason(error) }];
  }
}

/** Checks the tools that `ci connect` has connected. */
async function checkTools(context: CheckedContext): Promise<Finding[]> {
  try {
    if (!existsSync(path.join(stateFolder(context.world.env), 'connections'))) return [];
    const { checkConnectedTools } = await import('../tools/check.ts');
    const tools = await checkConnectedTools(context);
    return tools.map(({ title, ...finding }) => ({ check: title, ...finding }));
  } catch (error) {
    return [{ check: 'connected tools', status: 'failed', detail: reason(error) }];
  }
}

function reason(error: unknown): string {
  return redacted(error instanceof CommandError ? messageWithHint(error) : messageOf(error));
}

/** The checks that are nouns, unlike those that are names, such as `opencode`. */
const nouns: ReadonlySet<string> = new Set([
  'build',
  'config directory',
  'config file',
  'proxy',
  'management key',
  'state database',
  'clock',
  'signed in',
  'connected tools',
]);

/** Draws a line per check. It isn't a table, because a long path must stay whole. */
const drawing: Drawing<readonly Finding[]> = (style, findings) => {
  const marks = { ok: style.good('✓'), warning: style.warning('!'), failed: style.bad('✗') };
  const width = Math.max(...findings.map(({ check }) => check.length));
  const label = (check: string) => (nouns.has(check) ? `${check.charAt(0).toUpperCase()}${check.slice(1)}` : check);
  return findings
    .map(({ check, status, detail }) => `${marks[status]} ${label(check).padEnd(width)}  ${detail}\n`)
    .join('');
};
