import { expect, test } from 'vitest';
import { unitFile } from '../../src/account/user-units.ts';
import { unitName, unitText } from '../../src/gateway/systemd.ts';

const unit = (words: readonly string[], env = {}) => unitText(words, { env, drain: 30_000 });
const lineOf = (text: string, name: string) => text.split('\n').find((line) => line.startsWith(`${name}=`));

test('writes a unit that restarts the gateway and drains it', () => {
  expect(unitText(['/usr/bin/node', '/opt/ci.js', 'gateway'], { env: {}, drain: 90_500 })).toBe(`[Unit]
Description=CheapestInference gateway
Documentation=https://github.com/cheapestinference/cli/blob/main/docs/gateway.md

[Service]
Type=exec
ExecStart=/usr/bin/node /opt/ci.js gateway
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2 4 5
TimeoutStopSec=101

[Install]
WantedBy=default.target
`);
});

test.each([
  ['/home/ada lovelace/ci', '"/home/ada lovelace/ci"'],
  ['50%', '50%%'],
  ['$HOME', '"$$HOME"'],
  ['a"b', '"a\\"b"'],
  ["it's", '"it\'s"'],
  ['a\\b', '"a\\\\b"'],
  ['a;b', '"a;b"'],
  ['a\nb', '"a\\nb"'],
  ['', '""'],
  ['[::1]:8788', '"[::1]:8788"'],
  ['a,b', 'a,b'],
])('quotes %j for a command as %s', (word, quoted) => {
  expect(lineOf(unit(['/bin/ci', word]), 'ExecStart')).toBe(`ExecStart=/bin/ci ${quoted}`);
});

test('keeps the variables that it needs, without secrets', () => {
  const env = {
    CHEAPESTINFERENCE_CONFIG_DIR: '/my $dir/50%',
    CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_0123456789abcdef',
    CHEAPESTINFERENCE_API_KEY: 'sk_live_0123456789abcdef',
    HTTPS_PROXY: 'http://ada:secret@proxy',
    XDG_STATE_HOME: '/state',
    NO_PROXY: '',
  };
  const lines = unit(['/bin/ci'], env)
    .split('\n')
    .filter((line) => line.startsWith('Environment='));
  expect(lines).toEqual([
    'Environment="CHEAPESTINFERENCE_CONFIG_DIR=/my $dir/50%%"',
    'Environment=XDG_STATE_HOME=/state',
  ]);
});

test.each([
  [{ HOME: '/home/ada' }, '/home/ada/.config/systemd/user/cheapestinference-gateway.service'],
  [{ HOME: '/home/ada', XDG_CONFIG_HOME: '/etc/ada' }, '/etc/ada/systemd/user/cheapestinference-gateway.service'],
])('is in the directory of the user (%j)', (env, file) => {
  expect(unitFile(env, unitName)).toBe(file);
});
