import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Environment, User } from './cli.ts';
import { type Customer, customer } from './customer.ts';
import { storeKeys } from './key-store.ts';
import { creditKey, poolKey } from './sandbox.ts';
import { answer, type Behavior, type Instead, type Received } from './servers.ts';

/** A user with a stored key of a sandbox that records every request. */
export interface KeyCustomer extends Customer {
  readonly secret: string;
  readonly keyId: string;
  /** Returns the path of a file in the home directory. */
  at(...names: readonly string[]): string;
  /** Writes a file in the home directory. @returns its path */
  write(name: string, content: string | Buffer, mode?: number): string;
  /** Connects a tool with `--yes`, which must work. @returns what was printed as JSON */
  connect(line: string): Promise<unknown>;
}

interface Setting {
  /** Blocks of the subscription of the key; without any, it is a credit key. By default, the one that is live at 09:00. */
  readonly blocks?: string[];
  readonly name?: string;
  /** What is known of the stored key. */
  readonly facts?: object;
  readonly env?: Environment;
  readonly instead?: Instead;
}

/** Creates a user with a stored key. */
export async function keyCustomer({
  blocks = ['europe'],
  name = 'app',
  facts = {},
  ...setting
}: Setting = {}): Promise<KeyCustomer> {
  const { me, api } = await customer(setting);
  const { id, apiKey } = blocks.length > 0 ? await poolKey(api.box, blocks) : await creditKey(api.box);
  storeKeys(me, [{ ...storedKey(name, id, apiKey), ...facts }], api.url);
  const at = (...names: readonly string[]) => path.join(me.home, ...names);
  return {
    me,
    api,
    secret: apiKey,
    keyId: id,
    at,
    write(name, content, mode = 0o644) {
      const file = at(name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content, { mode });
      return file;
    },
    async connect(line) {
      const { code, stdout, stderr } = await me.ci(`connect ${line} --yes --json`);
      if (code !== 0) throw new Error(`ci connect ${line} exited with ${code}: ${stderr}`);
      return JSON.parse(stdout);
    },
  };
}

/** Returns the entry of a stored key of a pool. */
export function storedKey(name: string, id: string, secret: string): object {
  return {
    ...{ name, id, secret, maskedKey: `sk_sandbox_…${secret.slice(-4)}` },
    ...{ keyType: 'subscription', poolSlug: 'kimi26', isActive: true },
  };
}

/** Answers every request for inference like an API that offers these models, with a short sentence. */
export function offering(
  ids: readonly string[],
  others: (request: Received) => Behavior | undefined = () => undefined,
) {
  const replies: Readonly<Record<string, unknown>> = {
    '/v1/models': { object: 'list', data: ids.map((id) => ({ id, object: 'model' })) },
    '/v1/chat/completions': { id: 'c', choices: [{ message: { role: 'assistant', content: 'Hello there.' } }] },
    '/anthropic/v1/messages': { id: 'm', content: [{ type: 'text', text: 'Hello there.' }] },
    '/v1/responses': { id: 'r', output: [] },
  };
  return (request: Received): Behavior | undefined => {
    const other = others(request);
    if (other) return other;
    const reply = replies[request.path];
    return reply === undefined ? undefined : answer(200, reply);
  };
}

/** Answers requests for inference as an API does outside the hours of a key. */
export const outsideHours = ({ path: url }: Received): Behavior | undefined =>
  url.startsWith('/v1/')
    ? answer(429, { error: { message: 'Outside the hours of your key' } }, { 'retry-after': '36000' })
    : undefined;

/** Returns the names, kinds, permissions and contents of all that is below a directory. The state of `ci` and its programs don't count. */
export function treeOf(folder: string): Record<string, string> {
  const own = ['bin', '.local', path.join('config', 'cheapestinference')];
  const tree: Record<string, string> = {};
  const add = (name: string) => {
    if (own.includes(name)) return;
    const file = path.join(folder, name);
    const stats = lstatSync(file);
    const mode = (stats.mode & 0o7777).toString(8);
    if (stats.isSymbolicLink()) tree[name] = `-> ${readlinkSync(file)}`;
    else if (stats.isDirectory()) {
      if (name !== '') tree[name] = `${mode}/`;
      for (const each of readdirSync(file).sort()) add(path.join(name, each));
    } else tree[name] = `${mode} ${readFileSync(file, 'latin1')}`;
  };
  add('');
  return tree;
}

/** Returns the files of the connections that a user's state directory keeps. */
export function connectionFiles({ home }: User): string[] {
  const folder = path.join(home, '.local', 'state', 'cheapestinference', 'connections');
  if (!existsSync(folder)) return [];
  return Object.entries(treeOf(folder)).flatMap(([name, entry]) => (entry.endsWith('/') ? [] : [name]));
}
