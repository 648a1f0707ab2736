import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { at, listAt } from '../../support/sandbox.ts';
import { answer } from '../../support/servers.ts';
import { rotationScene, type Scene, type Strike, sent } from './scene.ts';

/** Rotates the key of a scene with a program that stores the secret and kills `ci` before it can record that. */
async function deliveredAndKilled(): Promise<Scene> {
  const scene = await rotationScene('subscription', { showsSecrets: true });
  storeWith(scene, 'cat > vault\nkill -9 $PPID');
  const { ended } = scene.me.start('keys rotate customer --to command:./store --yes');
  expect((await ended).signal).toBe('SIGKILL');
  expect((await scene.active()).map(({ apiKey }) => apiKey)).toContain(vault(scene));
  return scene;
}

/** Writes the program that the secret goes to. */
function storeWith({ me }: Scene, commands: string): void {
  writeFileSync(path.join(me.home, 'store'), `#!/bin/sh\n${commands}\n`, { mode: 0o755 });
}

function vault({ me }: Scene): string {
  return readFileSync(path.join(me.home, 'vault'), 'utf8').trim();
}

test('keeps a new key that may have been delivered if the old one was revoked in the meantime', async () => {
  const scene = await deliveredAndKilled();
  await scene.box.data('DELETE', `/api/keys/${scene.old.id}`);
  storeWith(scene, 'cat > vault');
  const ended = await scene.me.ci('keys rotate --resume --json');
  const keys = (await scene.active()).map(({ apiKey }) => apiKey);
  expect({ ...ended, keys }).toMatchObject({ code: 0, keys: [vault(scene)] });
  expect(scene.unfinished()).toEqual([]);
});

test('keeps a new key that may have been delivered if its destination fails later', async () => {
  const scene = await deliveredAndKilled();
  const secret = vault(scene);
  rmSync(path.join(scene.me.home, 'store'));
  for (let count = 0; count < 2; count++) {
    const ended = await scene.me.ci('keys rotate --resume --json');
    expect(ended.code).not.toBe(0);
    expect((await scene.active()).map(({ apiKey }) => apiKey).sort()).toEqual([scene.old.apiKey, secret].sort());
  }
  storeWith(scene, 'cat > vault');
  expect((await scene.me.ci('keys rotate --resume --json')).code).toBe(0);
  expect((await scene.active()).map(({ apiKey }) => apiKey)).toEqual([vault(scene)]);
});

test('rotates a key once that the API lists twice', async () => {
  const scene = await rotationScene('subscription', { showsSecrets: true });
  scene.strike({
    place: 0,
    does: (box) => async (request, response) => {
      const keys = listAt(at((await sent(box, request)).body, 'data'));
      await answer(200, { success: true, data: [...keys, ...keys] })(request, response);
    },
  });
  const ended = await scene.me.ci('keys rotate --pool kimi26 --save-to secrets.ndjson --yes --json');
  expect({ ...ended, keys: await scene.active() }).toMatchObject({ code: 0, keys: [{ name: 'customer' }] });
});

test('delivers no new key whose revocation may still take effect', async () => {
  const scene = await rotationScene('subscription', { showsSecrets: true });
  let running: ReturnType<Scene['me']['start']> | undefined;
  let revocation = '';
  /** Refuses the new key, and kills the command while it revokes this key. */
  const refuseAndKill: Strike = {
    place: 0,
    does: (box) => async (request, response) => {
      if (request.method === 'DELETE') {
        revocation = request.path;
        running?.kill('SIGKILL');
        return;
      }
      scene.strike(refuseAndKill);
      if (request.path === '/v1/models')
        return answer(401, { error: { message: 'Invalid API key' } }, { 'Retry-After': '60' })(request, response);
      const { status, body } = await sent(box, request);
      return answer(status, body)(request, response);
    },
  };
  scene.strike(refuseAndKill);
  running = scene.me.start('keys rotate customer --save .env --yes');
  expect((await running.ended).signal).toBe('SIGKILL');
  scene.strike(undefined);
  expect((await scene.me.process('keys rotate --resume --json')).code).toBe(0);
  // Only now the revocation takes effect.
  await scene.box.call('DELETE', revocation, {});
  expect((await scene.active()).map(({ apiKey }) => apiKey)).toEqual([scene.saved()]);
  expect(scene.gaps).toEqual([]);
});
