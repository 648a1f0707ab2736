import { existsSync, statSync } from 'node:fs';
import { fromHome } from '../account/secrets/destinations.ts';
import { keyStoreOf, originOfApi } from '../account/stored-keys/store.ts';
import { servedSandbox } from '../account/web-pages.ts';
import { configFolder } from '../config/folders.ts';
import { isOpenTo } from '../config/permissions.ts';
import { CommandError, messageWithHint, withoutPeriod } from '../domain/errors.ts';
import { shellWord } from '../domain/shell-word.ts';
import { runningGateways } from '../gateway/background.ts';
import { knownTokens, tokenFileIn } from '../gateway/token.ts';
import { type FileProblem, problemWith } from './list.ts';
import { type ConnectContext, connectionRecords } from './plan.ts';
import { type ConnectionRecord, hasSecret } from './records.ts';
import type { Tool } from './tool.ts';
import { tools } from './tools.ts';

/** The state of a connected tool. */
export interface ToolFinding {
  readonly title: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly detail: string;
}

type CheckContext = Pick<ConnectContext, 'clocks' | 'connections' | 'profiles' | 'settings' | 'world'>;

type Key = ConnectionRecord['key'];

/** What is known of a key. */
interface KeyState {
  readonly secret: string;
  /** The models that it offers; undefined if the API doesn't say outside its hours. */
  readonly models: readonly string[] | undefined;
}

/** Checks the tools that are connected to the account in use: their files, and whether their keys work and offer their models. */
export async function checkConnectedTools(context: CheckContext): Promise<ToolFinding[]> {
  const { settings, world } = context;
  const isSandbox = settings.sandbox.value;
  const origin = isSandbox ? servedSandbox : await originOfApi(settings);
  const mine = connectionRecords(context)
    .all()
    .filter(({ sandbox = false, profile, baseUrl, project, gateway }) => {
      const isCurrent = sandbox === isSandbox && (isSandbox || profile === settings.profile.value);
      return isCurrent && (gateway || baseUrl === origin) && (project === undefined || existsSync(project));
    });
  const states = new Map<string, Promise<KeyState>>();
  const stateOf = (key: Key) => {
    const id = JSON.stringify(key ?? null);
    const state = states.get(id) ?? readKey(context, key);
    states.set(id, state);
    return state;
  };
  const findings: ToolFinding[] = [];
  for (const record of mine) {
    const tool = tools.find(({ name }) => name === record.tool);
    if (!tool) continue;
    const where = record.project === undefined ? '' : ` in ${fromHome(record.project, world.env.HOME)}`;
    const state = record.gateway ? () => readGateway(context, record) : stateOf;
    findings.push({ title: `${tool.title}${where}`, ...(await check(record, tool, state)) });
  }
  return findings;
}

const problemText: Readonly<Record<FileProblem, string>> = {
  'settings changed': 'Its settings have changed since it was connected',
  "settings can't be read": "Its settings can't be read",
};

async function check(
  record: ConnectionRecord,
  { keyFrom }: Tool,
  stateOf: (key: Key) => Promise<KeyState>,
): Promise<Omit<ToolFinding, 'title'>> {
  const { key, gateway, model, tool, files, project } = record;
  const option = project === undefined ? '' : ' --project';
  const again = `\`ci connect ${tool}${option}\``;
  const missing = files.find(({ file }) => !existsSync(file));
  if (missing) return { status: 'failed', detail: `${missing.file} is missing. Run ${again} again.` };
  const open = files.find(({ file, holdsSecret }) => holdsSecret && isOpenTo('read', statSync(file)));
  if (open)
    return {
      status: 'warning',
      detail: `Other users can read ${open.file}. Run \`chmod 600 ${shellWord(open.file)}\`.`,
    };
  // The key from an environment that is gone, which the file still has.
  if (keyFrom === 'file' && key === undefined && !gateway)
    return { status: 'ok', detail: `Uses ${model} with a key that isn't stored, so it wasn't checked` };
  try {
    const { models, secret } = await stateOf(key);
    const label = labelOf(record);
    if (models && !models.includes(model))
      return { status: 'failed', detail: `${label} doesn't offer ${model}. Run ${again} with --model.` };
    const problem = problemWith(record);
    if (problem !== undefined) {
      const undo = `To undo the rest, run \`ci connect ${tool}${option} --undo\`.`;
      return { status: 'warning', detail: `${problemText[problem]}. To connect it again, run ${again}. ${undo}` };
    }
    if (keyFrom === 'file' && !hasSecret(record, secret))
      return { status: 'warning', detail: `It has another secret than ${label}. Run ${again} again.` };
    if (!models && gateway) return { status: 'ok', detail: `Uses ${model} with ${label}, which isn't running now` };
    if (!models)
      return { status: 'warning', detail: `Uses ${model} with ${label}, which can't be checked outside its hours` };
    return { status: 'ok', detail: `Uses ${model} with ${label}` };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { status: 'failed', detail: `${withoutPeriod(messageWithHint(error))}.` };
  }
}

/** Returns what a tool uses, for people. */
function labelOf({ key, gateway }: ConnectionRecord): string {
  if (gateway) return 'the gateway';
  return key === undefined ? 'the key from the environment' : `key "${key.name ?? key.id}"`;
}

/** Reads the token of the gateway, and asks the gateway for its models if it runs. */
async function readGateway(context: CheckContext, { baseUrl }: ConnectionRecord): Promise<KeyState> {
  const { world } = context;
  const running = runningGateways(context)
    .list()
    .find(({ url }) => url === baseUrl);
  const tokens = knownTokens(running?.tokenFile ?? tokenFileIn(configFolder(world)));
  if (!tokens) {
    throw new CommandError('not_found', 'The token of the gateway is missing on this machine', {
      hint: 'Start the gateway with `ci gateway`, and connect the tool again.',
    });
  }
  const [{ token: secret }] = tokens;
  if (!running) return { secret, models: undefined };
  const { inference } = await context.connections.throughGateway({ url: baseUrl, token: secret });
  return { secret, models: (await inference.models()).data.map(({ id }) => id) };
}

/** Reads the secret of a stored key, or for undefined that of the environment, and asks the API for its models. */
async function readKey(context: CheckContext, key: Key): Promise<KeyState> {
  const secret = key === undefined ? context.world.env.CHEAPESTINFERENCE_API_KEY : await storedSecret(context, key);
  if (!secret) {
    throw new CommandError('not_found', 'Its key is missing on this machine', {
      hint:
        key === undefined
          ? 'Set CHEAPESTINFERENCE_API_KEY, or connect it to a stored key.'
          : `Store it with \`ci keys secret ${shellWord(key.name ?? key.id ?? '')} --add\`, or connect it to another key.`,
    });
  }
  const { inference } = await context.connections.withApiKey(secret);
  try {
    return { secret, models: (await inference.models()).data.map(({ id }) => id) };
  } catch (error) {
    if (error instanceof CommandError && error.code === 'rate_limited') return { secret, models: undefined };
    throw error;
  }
}

async function storedSecret(context: CheckContext, { id, name }: NonNullable<Key>): Promise<string | undefined> {
  const store = await keyStoreOf(context);
  const stored = store.list().find((each) => each.id === id && each.name === name);
  return stored && store.secretOf(stored);
}
