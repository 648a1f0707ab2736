import { existsSync } from 'node:fs';
import { fromHome } from '../account/secrets/destinations.ts';
import { keyStoreOf, originOfApi } from '../account/stored-keys/store.ts';
import { servedSandbox } from '../account/web-pages.ts';
import { CommandError, messageWithHint, withoutPeriod } from '../domain/errors.ts';
import { shellWord } from '../domain/shell-word.ts';
import { findStored } from '../domain/stored-key.ts';
import { problemWith } from './list.ts';
import { type ConnectContext, connectionRecords } from './plan.ts';
import type { ConnectionRecord } from './records.ts';
import { tools } from './tools.ts';

/** The state of a connected tool. */
export interface ToolFinding {
  readonly title: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly detail: string;
}

type CheckContext = Pick<ConnectContext, 'clocks' | 'connections' | 'profiles' | 'settings' | 'world'>;

/** Checks the tools that are connected to the account in use: their files, and whether their keys work and offer their models. */
export async function checkConnectedTools(context: CheckContext): Promise<ToolFinding[]> {
  const { settings, world } = context;
  const isSandbox = settings.sandbox.value;
  const origin = isSandbox ? servedSandbox : await originOfApi(settings);
  const mine = connectionRecords(context)
    .all()
    .filter(({ sandbox = false, profile, baseUrl }) => {
      return sandbox === isSandbox && (isSandbox || profile === settings.profile.value) && baseUrl === origin;
    });
  const offers = new Map<string, Promise<readonly string[]>>();
  const modelsOf = (key: string | undefined) => {
    const asked = offers.get(key ?? '') ?? offeredBy(context, key);
    offers.set(key ?? '', asked);
    return asked;
  };
  const findings: ToolFinding[] = [];
  for (const record of mine) {
    const tool = tools.find(({ name }) => name === record.tool);
    if (!tool) continue;
    const where = record.project === undefined ? '' : ` in ${fromHome(record.project, world.env.HOME)}`;
    findings.push({ title: `${tool.title}${where}`, ...(await check(record, modelsOf)) });
  }
  return findings;
}

async function check(
  record: ConnectionRecord,
  modelsOf: (key: string | undefined) => Promise<readonly string[]>,
): Promise<Omit<ToolFinding, 'title'>> {
  const { key, model, tool, files, project } = record;
  const again = `\`ci connect ${tool}${project === undefined ? '' : ' --project'}\``;
  const missing = files.find(({ file }) => !existsSync(file));
  if (missing) return { status: 'failed', detail: `${missing.file} is missing. Run ${again} again.` };
  try {
    const models = await modelsOf(key);
    const label = key === undefined ? 'the key from the environment' : `key "${key}"`;
    if (!models.includes(model))
      return { status: 'failed', detail: `${label} doesn't offer ${model}. Run ${again} with --model.` };
    const problem = problemWith(record);
    if (problem === undefined) return { status: 'ok', detail: `Uses ${model} with ${label}` };
    const undo = `to undo the rest, \`ci connect ${tool} --undo\``;
    return {
      status: 'warning',
      detail: `Its ${problem} since it was connected. To connect it again, run ${again}; ${undo}.`,
    };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { status: 'failed', detail: `${withoutPeriod(messageWithHint(error))}.` };
  }
}

/** Returns the models that a key offers. @param key - the name or ID of a stored key; undefined: that of the environment */
async function offeredBy(context: CheckContext, key: string | undefined): Promise<readonly string[]> {
  const secret = key === undefined ? context.world.env.CHEAPESTINFERENCE_API_KEY : await storedSecret(context, key);
  if (secret === undefined || secret === '') {
    throw new CommandError('not_found', 'Its key is no longer on this machine', {
      hint:
        key === undefined
          ? 'Set CHEAPESTINFERENCE_API_KEY, or connect it to a stored key.'
          : `Store it with \`ci keys secret ${shellWord(key)} --add\`, or connect it to another key.`,
    });
  }
  const { inference } = await context.connections.withApiKey(secret);
  return (await inference.models()).data.map(({ id }) => id);
}

async function storedSecret(context: CheckContext, key: string): Promise<string | undefined> {
  const store = await keyStoreOf(context);
  const stored = findStored(store.list(), key);
  return stored && store.secretOf(stored);
}
