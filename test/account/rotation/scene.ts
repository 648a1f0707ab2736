import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { settlesIn, type User, userOf } from '../../support/cli.ts';
import { stateFolder } from '../../support/lost.ts';
import { at, listAt, type TestSandbox, textAt } from '../../support/sandbox.ts';
import { answer, type Behavior, type Received, type RecordingServer, recordedSandbox } from '../../support/servers.ts';

/** An active key, as the sandbox has it. */
interface ActiveKey {
  readonly id: string;
  readonly name: string;
  readonly apiKey: string;
}

/** What happens to one request of a command. */
export interface Strike {
  /** The request, by its place among all requests of the command, from 0. */
  readonly place: number;
  readonly does: (box: TestSandbox, scene: { readonly later: (work: () => Promise<void>) => void }) => Behavior;
}

/** A user with a key in `.env`, an API that mishandles one request, and a check that the key in `.env` always works. */
export interface Scene {
  readonly me: User;
  readonly box: TestSandbox;
  readonly api: RecordingServer;
  /** The secrets of the old key and its id. */
  readonly old: ActiveKey;
  /** The moments at which the key in `.env` didn't work. */
  readonly gaps: string[];
  /** Mishandles a request of the next command. */
  strike(strike: Strike | undefined): void;
  /** How many requests have arrived since {@link strike}. */
  count(): number;
  active(): Promise<ActiveKey[]>;
  /** Returns the secret in `.env`. */
  saved(): string;
  /** Returns the files of unfinished rotations. */
  unfinished(): string[];
}

/** What a scene's API is like. */
interface SceneOptions {
  /** Whether it shows the secret of a key again. */
  readonly showsSecrets: boolean;
  /** Whether it allows one active key per subscription. */
  readonly oneKeyPerSeat?: boolean;
}

/** Creates a scene. @param type - of the key */
export async function rotationScene(
  type: 'credit' | 'subscription',
  { showsSecrets, oneKeyPerSeat = false }: SceneOptions,
): Promise<Scene> {
  let next: Strike | undefined;
  let count = 0;
  const gaps: string[] = [];
  const due: (() => Promise<void>)[] = [];
  let check: (when: string) => Promise<void> = async () => {};
  const api: RecordingServer & { readonly box: TestSandbox } = await recordedSandbox({
    instead(request) {
      const place = count++;
      const isStruck = next?.place === place;
      return async (received, response) => {
        await check(`before ${place} ${request.method} ${request.path}`);
        const strike = isStruck ? next?.does(api.box, { later: (work) => due.push(work) }) : undefined;
        const late = isStruck ? [] : due.splice(0);
        const isRefused = oneKeyPerSeat && request.path === '/api/keys/subscription' && (await active()).length > 0;
        const refusal = isRefused ? answer(409, { success: false, error: 'The seat has an active key' }) : undefined;
        await (strike ?? refusal ?? pass(api.box, showsSecrets))(received, response);
        await check(`after ${place} ${request.method} ${request.path}`);
        for (const work of late) await work();
      };
    },
  });
  const { box } = api;
  const me = userOf(api);
  settlesIn(me, '5s');
  const created =
    type === 'credit'
      ? await box.data('POST', '/api/keys/credit', { name: 'customer', maxBudget: 25, rpm: 7 })
      : await box
          .data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] })
          .then((seat) =>
            box.data('POST', '/api/keys/subscription', { name: 'customer', subscriptionId: at(seat, 'id') }),
          );
  const old = { id: textAt(created, 'id'), name: 'customer', apiKey: textAt(created, 'apiKey') };
  writeFileSync(path.join(me.home, 'check'), '#!/bin/sh\ncat > /dev/null\n', { mode: 0o755 });
  const file = path.join(me.home, '.env');
  writeFileSync(file, `A=1\nCHEAPESTINFERENCE_API_KEY=${old.apiKey}\nB=2\n`, { mode: 0o600 });
  const active = async () =>
    listAt(await box.data('GET', '/api/keys')).flatMap((key) =>
      at(key, 'isActive') === true
        ? [{ id: textAt(key, 'id'), name: textAt(key, 'name'), apiKey: textAt(key, 'apiKey') }]
        : [],
    );
  const saved = () => /^CHEAPESTINFERENCE_API_KEY=(.*)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
  check = async (when) => {
    // The file may be replaced while the keys are read. What counts is that the old or the new secret works.
    const before = saved();
    const keys = await active();
    if (!keys.some(({ apiKey }) => apiKey === before || apiKey === saved())) gaps.push(when);
  };
  return {
    ...{ me, box, api, old, gaps, active, saved },
    strike(strike) {
      next = strike;
      count = 0;
    },
    count: () => count,
    unfinished: () => filesIn(path.join(stateFolder(me), 'rotations')),
  };
}

/** Passes a request on to the sandbox. An older generation of the API never shows a secret again. */
function pass(box: TestSandbox, showsSecrets: boolean): Behavior {
  return async (request, response) => {
    const { status, body } = await sent(box, request);
    const isList = request.method === 'GET' && /^\/api\/(?:keys$|pools\/.*\/my-)/.test(request.path);
    const text = JSON.stringify(body);
    await answer(status, isList && !showsSecrets ? text.replaceAll(/"apiKey":"[^"]*",?/g, '') : text)(
      request,
      response,
    );
  };
}

/** Lets the sandbox answer a request with the key that it came with. */
export function sent(box: TestSandbox, { method, path: url, body, headers }: Received) {
  const [, key = null] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
  return box.call(method, url, { key, ...(body !== '' && { text: body }) });
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
}
