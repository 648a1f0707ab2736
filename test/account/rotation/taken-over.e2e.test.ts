import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { at, listAt } from '../../support/sandbox.ts';
import { answer } from '../../support/servers.ts';
import { rotationScene, type Scene, sent } from './scene.ts';

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
