import path from 'node:path';
import { expect, test } from 'vitest';
import { destinationKinds } from '../../../src/account/secrets/destination-kinds.ts';
import { destinationsOf } from '../../../src/account/secrets/parse-destination.ts';
import { createContext } from '../../../src/context/create.ts';
import { Buffered } from '../../support/buffer.ts';
import { worldWith } from '../../support/world.ts';

const cwd = path.resolve('/work');

/** Returns the destination for values of `--to`. */
function parsed(texts: readonly string[], { variable = 'TOKEN', json = false } = {}) {
  const world = worldWith({ stdout: new Buffered(false, 80), cwd });
  const context = createContext(world, () => ({ input: false, color: false, json }));
  return destinationsOf(context, [], texts, { variable });
}

test.each([
  ['github', 'in the secret TOKEN of the GitHub repository of this directory'],
  ['github:acme/api', 'in the secret TOKEN of the GitHub repository acme/api'],
  ['github:git.acme.dev/acme/api', 'in the secret TOKEN of the GitHub repository git.acme.dev/acme/api'],
  ['github:acme/.github', 'in the secret TOKEN of the GitHub repository acme/.github'],
  ['github@production', 'in the secret TOKEN of the environment production of the GitHub repository of this directory'],
  ['github:acme/api@a b/c@d', 'in the secret TOKEN of the environment a b/c@d of the GitHub repository acme/api'],
  ['gitlab', 'in the CI/CD variable TOKEN of the GitLab project of this directory'],
  ['vercel:preview', 'in the variable TOKEN of the environment preview of the Vercel project of this directory'],
  ['fly', 'in the secret TOKEN of the Fly.io app of this directory'],
  ['fly:my-app', 'in the secret TOKEN of the Fly.io app my-app'],
  ['cloudflare', 'in the secret TOKEN of the Cloudflare Worker of this directory'],
  ['cloudflare:my_worker', 'in the secret TOKEN of the Cloudflare Worker my_worker'],
  ['kubernetes:prod/api.key', 'in the key TOKEN of the Kubernetes Secret prod/api.key'],
  ['systemd:/etc/credstore.encrypted/key', 'in the encrypted credential /etc/credstore.encrypted/key'],
  ['systemd:key.cred', `in the encrypted credential ${path.join(cwd, 'key.cred')}`],
  ['systemd:-key/a:b/key.cred', `in the encrypted credential ${path.join(cwd, '-key/a:b/key.cred')}`],
  ['command:./my program', 'passed to the program ./my program'],
])('reads --to %s', (text, words) => {
  const { savedTo, ...description } = parsed([text]).describe(1);
  expect([description.words, savedTo]).toEqual([
    words,
    text.startsWith('systemd:') ? `systemd:${path.resolve(cwd, text.slice('systemd:'.length))}` : text,
  ]);
});

const forms = new Map(destinationKinds.map(({ name, form, example }) => [String(name), { form, example }]));

test.each([
  'github:',
  'github:api',
  'github:acme/',
  'github:/api',
  'github:acme/api/x/y',
  'github:-x/y',
  'github:x/-y',
  'github:acme/api@',
  'github@',
  'github@-e',
  'github:@production',
  'github:acme/a b',
  'gitlab:acme/api',
  'gitlab:',
  'gitlab@x',
  'vercel',
  'vercel:',
  'vercel:-e',
  'vercel: production',
  'vercel@production',
  'fly:',
  'fly:-a',
  'fly@x',
  'fly:a b',
  'cloudflare:',
  'cloudflare:--name',
  'cloudflare:a/b',
  'kubernetes',
  'kubernetes:x',
  'kubernetes:/x',
  'kubernetes:x/',
  'kubernetes:x/y/z',
  'kubernetes:-n/x',
  'kubernetes:prod/API',
  'kubernetes:prod/a\nb',
  'kubernetes-manifest',
  'kubernetes-manifest:x',
  'systemd',
  'systemd:',
  'systemd:dir/',
  'systemd:.cred',
  'systemd:a:b',
  'systemd:..',
  'command',
  'command:',
  'command: ',
  'command:-rf',
  'command:a\u001b[2J',
])('refuses --to %j', (text) => {
  const { form, example } = forms.get(/^[\w-]+/.exec(text)?.[0] ?? '') ?? {};
  expect(() => parsed([text])).toThrow(
    expect.objectContaining({
      code: 'usage',
      message: `"${text}" is not a valid destination`,
      hint: `Use ${form}, as in --to ${example}.`,
    }),
  );
});

test.each(['', ' ', ':', 'git', 'GitHub', 'githubx:acme/api', '--help', 'https://github.com/acme/api', '.env'])(
  'refuses --to %j, and lists the kinds',
  (text) => {
    expect(() => parsed([text])).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: `"${text}" is not a valid destination`,
        hint: 'Choose github, gitlab, vercel, fly, cloudflare, kubernetes, kubernetes-manifest, systemd or command, as in --to github:acme/api@production.',
      }),
    );
  },
);

test('accepts the example of each kind', () => {
  for (const { example } of destinationKinds) expect(parsed([example]).describe(1).count).toBe(1);
});

test('writes to several destinations, to each once', () => {
  expect(parsed(['fly:a', 'command:x', 'fly:a']).describe(1)).toMatchObject({
    words: 'in the secret TOKEN of the Fly.io app a, and passed to the program x',
    savedTo: 'fly:a, command:x',
    variables: ['TOKEN'],
  });
});

test.each(['GITHUB_TOKEN', 'github_x'])('refuses %s as the name of a GitHub secret', (variable) => {
  expect(() => parsed(['github'], { variable })).toThrow(
    expect.objectContaining({ code: 'usage', message: `"${variable}" can't be the name of a GitHub secret` }),
  );
});

test('prints one manifest at most', () => {
  expect(() => parsed(['kubernetes-manifest:a/b', 'kubernetes-manifest:a/c'])).toThrow(
    expect.objectContaining({ code: 'usage', message: 'Only one manifest can be printed' }),
  );
});

test('refuses a manifest with --json', () => {
  expect(() => parsed(['kubernetes-manifest:a/b'], { json: true })).toThrow(
    expect.objectContaining({
      code: 'usage',
      message: "kubernetes-manifest prints YAML, and can't be combined with JSON output",
    }),
  );
});
