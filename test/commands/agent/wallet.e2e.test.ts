import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { cells, type Ended, type Environment, json, type User, user } from '../../support/cli.ts';
import { emptyFolder, modeOf } from '../../support/folder.ts';
import {
  castAddress,
  castFile,
  castKey,
  keystoreOf,
  vectorAddress,
  vectorKey,
  vectorPassword,
} from '../../support/keystore.ts';
import { errorOf, stateFolder } from '../../support/lost.ts';
import { nodeOnly } from '../../support/program.ts';
import { textAt } from '../../support/sandbox.ts';
import { ctrlC, enter, onTerminal, shown } from '../../support/terminal.ts';

const folderOf = ({ home }: User) => path.join(home, '.foundry', 'keystores');
const fileOf = (me: User, name: string) => path.join(folderOf(me), name);

/** Returns a user with a password in the file `password`. */
function owner(env: Environment = {}): User {
  const me = user(env);
  writeFileSync(path.join(me.home, 'password'), `${vectorPassword}\n`);
  return me;
}

/** Puts a keystore file in the directory of a user. */
function put(me: User, name: string, text: string): string {
  mkdirSync(folderOf(me), { recursive: true, mode: 0o700 });
  writeFileSync(fileOf(me, name), text, { mode: 0o600 });
  return fileOf(me, name);
}

/** Returns the names of everything in the directory of the wallets. */
function entries(me: User): string[] {
  try {
    return readdirSync(folderOf(me)).sort();
  } catch {
    return [];
  }
}

const password = '--password-file password';

describe('wallet create', () => {
  test('creates a file that only its owner can read, in a directory that only its owner can open', async () => {
    const me = owner();
    const { code, stdout, stderr } = await me.ci(`agent wallet create agent ${password} --json`);
    const file = fileOf(me, 'agent');
    const address = textAt(JSON.parse(stdout), 'address');
    expect([code, stderr, JSON.parse(stdout)]).toEqual([0, '', { name: 'agent', address, file }]);
    expect(address).toMatch(/^0x[0-9a-fA-F]{40}$/);
    expect([modeOf(file), modeOf(path.dirname(file)), statSync(file).nlink, entries(me)]).toEqual([
      '600',
      '700',
      1,
      ['agent'],
    ]);
    expect((await me.ci('agent wallet address agent')).stdout).toBe(`${address}\n`);
    expect(await me.ci(`agent wallet address agent ${password}`)).toMatchObject({ code: 0, stdout: `${address}\n` });
  });

  test('says on stderr to back up the file, and what the wallet needs to pay', async () => {
    const me = owner();
    const { code, stdout, stderr } = await me.ci(`agent wallet create --keystore ./w.json ${password}`);
    const file = path.join(me.home, 'w.json');
    expect([code, cells(stdout), modeOf(file)]).toEqual([
      0,
      [
        ['name', ''],
        ['address', expect.stringMatching(/^0x[0-9a-fA-F]{40}$/)],
        ['file', file],
      ],
      '600',
    ]);
    expect(stderr).toBe(
      'Back up this file and its password. If you lose either, nobody can recover the funds.\n' +
        'Before it can pay, send USDC and a little ETH for gas to this address on Base.\n',
    );
  });

  test('asks for the name, and for the password twice until both are the same', async () => {
    const me = owner();
    const session = onTerminal(me, 'agent wallet create', { columns: 120 });
    await session.shows('Name of the wallet:');
    session.type(`a b${enter}`);
    await session.shows('Use up to 63 letters');
    session.type(`\u0015agent${enter}`);
    await session.shows('Password for the wallet:');
    session.type(enter);
    await session.shows('Enter a password.');
    session.type(`correct horse${enter}`);
    await session.shows('Repeat the password:');
    session.type(`correct house${enter}`);
    await session.shows("The passwords don't match. Try again.");
    session.type(`correct horse ${enter}`);
    await session.shows("A password can't end with a space or tab.");
    session.type(` correct\thorse${enter}`);
    await session.shows(/Repeat the password:[\s\S]*Repeat the password:/);
    session.type(` correct\thorse${enter}`);
    expect(await session.exit).toBe(0);
    expect(session.written).not.toMatch(/horse|house/);
    expect(session.screen.replace(/\s+/g, ' ')).toMatch(/✓ Created 0x[0-9a-fA-F]{40} in \S+\. Back up this file/);
    writeFileSync(path.join(me.home, 'other'), 'correct horse');
    writeFileSync(path.join(me.home, 'same'), ' correct\thorse\n');
    expect((await me.ci('agent wallet address agent --password-file other')).code).toBe(2);
    expect((await me.ci('agent wallet address agent --password-file same')).code).toBe(0);
    const again = onTerminal(me, ['agent', 'wallet', 'address', '--keystore', fileOf(me, 'agent')]);
    expect(await again.exit).toBe(0);
  });

  test('shows nothing of the password on a dumb terminal, and keeps its spaces', async () => {
    const me = owner();
    const session = onTerminal(me, 'agent wallet create agent', { env: { TERM: 'dumb' }, pty: true });
    await session.shows('Password for the wallet:');
    session.type(` correct\thorse${enter}`);
    await session.shows('Repeat the password:');
    session.type(` correct\thorse${enter}`);
    expect(await session.exit).toBe(0);
    expect(session.written).not.toMatch(/correct|horse/);
    writeFileSync(path.join(me.home, 'exact'), ' correct\thorse');
    expect((await me.ci('agent wallet address agent --password-file exact')).code).toBe(0);
  });

  test('refuses a private key as the password', async () => {
    const me = owner();
    const { code, stderr } = await me.ci('agent wallet create agent --password-file key');
    expect([code, stderr]).toEqual([
      2,
      "ci: Can't read key: no such file or directory. Pass a file that contains the password.\n",
    ]);
    writeFileSync(path.join(me.home, 'key'), `0x${castKey}\n`);
    expect((await me.ci('agent wallet create agent --password-file key')).stderr).toBe(
      'ci: The password in key is a private key. Nothing was saved. Write a password to the file.\n',
    );
    const session = onTerminal(me, 'agent wallet create agent');
    await session.shows('Password for the wallet:');
    session.type(`${castKey}${enter}`);
    await session.shows('That is a private key. Choose another password.');
    session.type(ctrlC);
    expect([await session.exit, entries(me)]).toEqual([130, []]);
  });

  test.skipIf(nodeOnly('knows the moment'))(
    'saves nothing if it is interrupted while the key is encrypted',
    async () => {
      const me = owner();
      const interrupt = new AbortController();
      const ended = me.ci(`agent wallet create agent ${password}`, { interrupt: interrupt.signal });
      setImmediate(() => interrupt.abort(new Error('interrupted')));
      expect([(await ended).code, entries(me)]).toEqual([130, []]);
    },
  );

  test('reads the password from a pipe', async () => {
    const me = owner();
    put(me, 'cast', castFile);
    const { code, stdout } = await me.sh(
      'printf testpassword | ci agent wallet address cast --password-file /dev/stdin',
    );
    expect([code, stdout]).toEqual([0, `${castAddress}\n`]);
  });

  test('can be interrupted while it waits for a pipe', async () => {
    const me = owner();
    put(me, 'cast', castFile);
    await me.sh('mkfifo pipe');
    const running = me.start('agent wallet address cast --password-file pipe');
    // A pipe without a reader can't be opened this way. Closing it would end the password.
    const open = () => openSync(path.join(me.home, 'pipe'), constants.O_WRONLY | constants.O_NONBLOCK);
    const writer = await vi.waitFor(open, { timeout: 60_000 });
    onTestFinished(() => closeSync(writer));
    running.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
  });

  test('saves nothing after Ctrl-C at the password', async () => {
    const me = owner();
    const session = onTerminal(me, 'agent wallet create agent');
    await session.shows('Password for the wallet:');
    session.type(ctrlC);
    expect([await session.exit, entries(me)]).toEqual([130, []]);
  });

  test.each([
    ['agent wallet create agent', "Can't ask for the password without a terminal. Pass --password-file FILE", null],
    [
      `agent wallet create ${password}`,
      "Can't ask for the name of the wallet without a terminal. Pass a name: `ci agent wallet create NAME`",
      null,
    ],
    ['agent wallet import agent', "Can't ask for the password without a terminal. Pass --password-file FILE", null],
    [
      'agent wallet create x --password-file missing',
      "Can't read missing: no such file or directory",
      'Pass a file that contains the password.',
    ],
    [
      'agent wallet create x --password-file .',
      "Can't read .: it is a directory",
      'Pass a file that contains the password.',
    ],
    [
      'agent wallet create x --password-file empty',
      'The password in empty is empty',
      'Nothing was saved. Write a password to the file.',
    ],
    ['agent wallet create x --password-file /dev/zero', '/dev/zero is too long', 'Pass at most 4096 bytes.'],
    [
      `agent wallet create a --account b ${password}`,
      'The wallet is named twice',
      'Pass its name or --account, not both.',
    ],
    [
      `agent wallet create a --keystore b ${password}`,
      "--account and --keystore can't be combined",
      'Pass one of them.',
    ],
    ...['../x', 'a/b', '..', 'x.123456789abc.1.-.12345678.lock'].map((name): [string, string, string] => [
      `agent wallet create ${name} ${password}`,
      `"${name}" is not a valid wallet name`,
      'Use the name of a file in ~/.foundry/keystores, or --keystore with the path of any other file.',
    ]),
    ...['.hidden', 'a.tmp', 'ä', 'x'.repeat(64)].map((name): [string, string, string] => [
      `agent wallet create ${name} ${password}`,
      `"${name}" is not a valid name for a new wallet`,
      'Use up to 63 letters, digits, dots, hyphens and underscores, with a letter or digit first.',
    ]),
  ])('refuses with code 2, and writes nothing: ci %s', async (line, message, hint) => {
    const me = owner();
    writeFileSync(path.join(me.home, 'empty'), '\n');
    const ended = await me.ci(`${line} --json`, { stdin: castKey });
    expect([ended.code, ended.stdout, errorOf(ended)]).toMatchObject([
      2,
      '',
      { message, hint, outcome: 'not_applied', retryable: false },
    ]);
    expect(readdirSync(me.home).sort()).toEqual(['bin', 'empty', 'password']);
  });

  test.each(['create', 'import', 'address'])('does not repeat a private key that is passed to %s', async (verb) => {
    const me = owner();
    const keys = [castKey, `0x${castKey}`, castKey.slice(1), `--account ${castKey}`, `--keystore ${castKey}`];
    for (const line of [...keys.map((key) => `${key} ${password}`), `agent --password-file ${castKey}`]) {
      if (verb === 'address') put(me, 'agent', castFile);
      const { code, stdout, stderr } = await me.ci(`agent wallet ${verb} ${line}`, { stdin: vectorKey });
      const isRefused = code === 2 && stdout === '' && stderr.startsWith('ci: That is a private key, not the ');
      expect([line, isRefused, /c0883a691/.test(stderr)]).toEqual([line, true, false]);
      rmSync(fileOf(me, 'agent'), { force: true });
    }
    expect(entries(me)).toEqual([]);
  });
});

describe('a wallet that exists', () => {
  test.each(['create', 'import'])('is not replaced by %s, with or without --yes', async (verb) => {
    const me = owner();
    const file = put(me, 'agent', castFile);
    for (const flag of ['', ' --yes']) {
      const ended = await me.ci(`agent wallet ${verb} agent ${password} --json${flag}`, { stdin: vectorKey });
      expect([ended.code, ended.stdout, errorOf(ended)]).toEqual([
        2,
        '',
        {
          code: 'usage',
          message: 'Wallet "agent" already exists, and is never replaced',
          hint: 'Nothing was saved. Choose another name, or run `ci agent wallet address agent` to see its address.',
          status: null,
          retryable: false,
          outcome: 'not_applied',
        },
      ]);
    }
    expect([readFileSync(file, 'utf8'), entries(me)]).toEqual([castFile, ['agent']]);
  });

  test('is not replaced by --keystore, nor is a directory or a link to nowhere', async () => {
    const me = owner();
    writeFileSync(path.join(me.home, 'file'), 'mine');
    mkdirSync(path.join(me.home, 'folder'));
    symlinkSync('nowhere', path.join(me.home, 'link'));
    for (const name of ['file', 'folder', 'link']) {
      const { code, stderr } = await me.ci(`agent wallet create --keystore ${name} ${password}`);
      const at = path.join(me.home, name);
      expect([code, stderr]).toEqual([
        2,
        `ci: ${at} already exists, and is never replaced. Nothing was saved. Choose another name, or run \`ci agent wallet address --keystore ${at}\` to see its address.\n`,
      ]);
    }
    expect(readdirSync(me.home).sort()).toEqual(['bin', 'file', 'folder', 'link', 'password']);
    expect([
      readFileSync(path.join(me.home, 'file'), 'utf8'),
      lstatSync(path.join(me.home, 'link')).isSymbolicLink(),
    ]).toEqual(['mine', true]);
  });

  test('is the one of the process that was first, if several create it at once', async () => {
    const me = owner();
    const ended = await Promise.all(
      Array.from({ length: 3 }, () => me.process(`agent wallet create agent ${password} --json`)),
    );
    const [won, ...others] = ended.filter(({ code }) => code === 0);
    if (!won) throw new Error('no process created it');
    expect([others, ended.filter(({ code }) => code === 2).length, entries(me)]).toEqual([[], 2, ['agent']]);
    expect((await me.ci(`agent wallet address agent ${password}`)).stdout).toBe(`${textAt(json(won), 'address')}\n`);
  });
});

describe('wallet import', () => {
  // The tests of private keys have more forms.
  test.each([`  0X${castKey.toUpperCase()} \r\n`])('imports %j from standard input', async (stdin) => {
    const me = owner();
    const ended = await me.ci(`agent wallet import agent ${password} --json`, { stdin });
    const file = fileOf(me, 'agent');
    expect([ended.code, ended.stderr, json(ended)]).toEqual([0, '', { name: 'agent', address: castAddress, file }]);
    expect([modeOf(file), readFileSync(file, 'utf8').includes(castKey)]).toEqual(['600', false]);
  });

  test.each([
    ['', 'The private key is empty'],
    [castKey.slice(2), 'The private key has 62 digits'],
    [`${castKey}${castKey}`, 'The private key has 128 digits'],
    [castKey.replace('c', 'x'), 'The private key contains something other than hexadecimal digits'],
    ['0'.repeat(64), 'The private key is out of range: it must be above 0 and below the order of secp256k1'],
    ['f'.repeat(64), 'The private key is out of range: it must be above 0 and below the order of secp256k1'],
  ])('refuses %j with code 2, shows nothing of it, and saves nothing', async (stdin, message) => {
    const me = owner();
    const { code, stdout, stderr } = await me.ci(`agent wallet import agent ${password}`, { stdin });
    expect([code, stdout, stderr]).toEqual([
      2,
      '',
      `ci: ${message}. Nothing was saved. A private key has 64 hexadecimal digits, after an optional 0x.\n`,
    ]);
    expect(entries(me)).toEqual([]);
  });

  test('refuses to start without a password, before it reads the key', async () => {
    const me = owner();
    const { code, stdout, stderr } = await me.ci('agent wallet import agent', { stdin: null });
    expect([code, stdout, stderr, entries(me)]).toEqual([
      2,
      '',
      "ci: Can't ask for the password without a terminal. Pass --password-file FILE.\n",
      [],
    ]);
  });

  test('refuses more than 1 KiB on standard input', async () => {
    const me = owner();
    const { code, stderr } = await me.ci(`agent wallet import agent ${password}`, { stdin: '0'.repeat(100_000) });
    expect([code, stderr, entries(me)]).toEqual([2, 'ci: Standard input is too long. Pass at most 1024 bytes.\n', []]);
  });

  test('asks for the key and the password on a terminal, and shows neither', async () => {
    const me = owner();
    const session = onTerminal(me, 'agent wallet import agent', { columns: 100 });
    await session.shows('Private key:');
    session.type(`${castKey.slice(1)}${enter}`);
    await session.shows('! The private key has 63 digits.');
    session.type(`${castKey}${enter}`);
    await session.shows('Password for the wallet:');
    session.type(`${vectorPassword}${enter}`);
    await session.shows('Repeat the password:');
    session.type(`${vectorPassword}${enter}`);
    expect(await session.exit).toBe(0);
    expect(session.screen.replace(/\s+/g, '')).toContain(`✓Imported${castAddress}into`);
    expect(session.written).not.toMatch(/4c0883|testpass/);
  });

  test('leaves the key and the password in no file but the wallet, and in no output', async () => {
    const me = owner();
    await me.ci(`agent wallet import agent ${password} --debug`, { stdin: castKey });
    const ended: Ended[] = [
      await me.ci('history --all'),
      await me.ci('agent wallet list --debug'),
      await me.ci(`agent wallet address agent ${password} --debug`),
    ];
    for (const { code, stdout, stderr } of ended) {
      expect([code, /4c0883a6|testpassword/i.test(stdout + stderr)]).toEqual([0, false]);
    }
    for (const name of readdirSync(me.home, { recursive: true, encoding: 'utf8' })) {
      const file = path.join(me.home, name);
      if (name === 'password' || name.startsWith('bin') || !lstatSync(file).isFile()) continue;
      expect([name, /4c0883a6|testpassword/i.test(readFileSync(file, 'utf8'))]).toEqual([name, false]);
    }
    expect(() => readdirSync(stateFolder(me))).toThrow('ENOENT');
  });
});

describe('wallet list', () => {
  test('lists names and addresses without a password, and skips what is no wallet', async () => {
    const me = owner();
    put(me, 'cast', castFile);
    put(me, 'geth', keystoreOf(vectorKey, { address: vectorAddress.slice(2).toLowerCase() }));
    put(me, '.hidden', castFile);
    put(me, 'x.123456789abc.1.-.12345678.tmp', castFile);
    const damaged = put(me, 'notes.txt', 'my wallets');
    mkdirSync(fileOf(me, 'folder'));
    put(me, castKey, keystoreOf(vectorKey));
    const { code, stdout, stderr } = await me.ci('agent wallet list');
    expect([code, cells(stdout)]).toEqual([
      0,
      [
        [castKey, '', fileOf(me, castKey)],
        ['cast', '', fileOf(me, 'cast')],
        ['geth', vectorAddress, fileOf(me, 'geth')],
      ],
    ]);
    expect(stderr).toBe(
      `${damaged} isn't a valid keystore: it isn't JSON. Restore it from a backup, or import its private key again with \`ci agent wallet import\`.\n`,
    );
    rmSync(fileOf(me, castKey));
    expect(json(await me.ci('agent wallet ls --json'))).toEqual([
      { name: 'cast', address: null, file: fileOf(me, 'cast') },
      { name: 'geth', address: vectorAddress, file: fileOf(me, 'geth') },
    ]);
    rmSync(damaged);
    const { rows } = await shown(me, 'agent wallet list');
    expect(rows.map((row) => row.trimEnd())).toEqual([
      'NAME  ADDRESS',
      'cast  unknown until decrypted',
      `geth  ${vectorAddress}`,
      '',
    ]);
  });

  test('is empty without the directory, and creates none', async () => {
    const me = user();
    expect(await me.ci('agent wallet list')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect((await me.ci('agent wallet list --json')).stdout).toBe('[]\n');
    expect((await shown(me, 'agent wallet list')).screen).toBe(
      'There are no wallets. Run `ci agent wallet create` to create one.',
    );
    expect(readdirSync(me.home)).toEqual(['bin']);
  });
});

describe('wallet address', () => {
  test.each([
    ['agent wallet address cast', {}],
    ['agent wallet address --account cast', {}],
    ['agent wallet address', { ETH_KEYSTORE_ACCOUNT: 'cast' }],
    ['agent wallet address cast', { ETH_KEYSTORE_ACCOUNT: 'other' }],
    ['agent wallet address --keystore .foundry/keystores/cast', { ETH_KEYSTORE_ACCOUNT: 'other' }],
    ['agent wallet address --keystore link', {}],
  ])('decrypts a file of cast that states none: ci %s with %j', async (line, env) => {
    const me = owner(env);
    symlinkSync('.foundry/keystores/cast', path.join(me.home, 'link'));
    put(me, 'cast', castFile);
    expect(await me.ci(`${line} ${password}`)).toMatchObject({ code: 0, stdout: `${castAddress}\n`, stderr: '' });
  });

  test('asks for the wallet and its password on a terminal, again if it is wrong', async () => {
    const me = owner();
    put(me, 'cast', castFile);
    put(me, 'geth', keystoreOf(vectorKey));
    const session = onTerminal(me, 'agent wallet address');
    await session.shows(/❯ cast\n {2}geth/);
    session.type(enter);
    await session.shows('Password of wallet "cast":');
    session.type(`wrong${enter}`);
    await session.shows('! Wrong password. Try again.');
    session.type(`${vectorPassword}${enter}`);
    expect(await session.exit).toBe(0);
    expect(session.screen).toContain(castAddress);
    expect(session.written).not.toMatch(/wrong|testpass/);
  });

  test.each([
    ['nothing', 5, 'not_found', 'Wallet "nothing" doesn\'t exist'],
    ['--keystore nothing', 5, 'not_found', expect.stringMatching(/^The wallet \/.*\/nothing doesn't exist$/)],
    ['--keystore password/x', 5, 'not_found', expect.stringMatching(/^The wallet \/.*\/password\/x doesn't exist$/)],
    ['--keystore .foundry', 2, 'usage', expect.stringMatching(/^\/.*\/\.foundry is a directory$/)],
    ['cast --password-file other', 2, 'usage', 'The password in other is wrong'],
    [
      '',
      2,
      'input_required',
      "Can't ask for the wallet without a terminal. Pass its name, or set ETH_KEYSTORE_ACCOUNT",
    ],
    ['cast', 2, 'input_required', "Can't ask for the password without a terminal. Pass --password-file FILE"],
    ['--keystore  password', 1, 'file_error', expect.stringMatching(/password isn't a valid keystore: it isn't JSON$/)],
  ])('fails without a result: ci agent wallet address %s', async (line, code, name, message) => {
    const me = owner();
    put(me, 'cast', castFile);
    writeFileSync(path.join(me.home, 'other'), 'wrong');
    const ended = await me.ci(`agent wallet address ${line} --json`);
    expect([ended.code, ended.stdout, errorOf(ended)]).toMatchObject([
      code,
      '',
      { code: name, message, outcome: null },
    ]);
  });

  test('says that a stated address is not proven without the password', async () => {
    const me = owner();
    put(me, 'geth', keystoreOf(vectorKey, { address: vectorAddress }));
    expect((await me.ci('agent wallet address geth')).stderr).toBe(
      "This is what the file says. To check that it is the address of the wallet's key, pass --password-file.\n",
    );
    expect((await me.ci(`agent wallet address geth ${password}`)).stderr).toBe('');
  });

  test('has the same result in JSON, and a line for a shell', async () => {
    const me = owner();
    const file = put(me, 'geth', keystoreOf(vectorKey, { address: vectorAddress }));
    expect(json(await me.ci('agent wallet address geth --json'))).toEqual({
      name: 'geth',
      address: vectorAddress,
      file,
    });
    expect((await me.ci('agent wallet address geth')).stdout).toBe(`${vectorAddress}\n`);
    const named = await me.ci(`agent wallet address --keystore ${file} --json`);
    expect(json(named)).toEqual({ name: null, address: vectorAddress, file });
  });

  test('reads no more than 64 KiB of a huge file', async () => {
    const me = owner();
    const file = put(me, 'huge', castFile);
    truncateSync(file, 2 ** 34);
    const { code, stderr } = await me.ci(`agent wallet address huge ${password}`);
    expect([code, stderr]).toEqual([
      1,
      `ci: ${file} isn't a valid keystore: it is larger than 64 KiB. Pass the path of a keystore file of yours.\n`,
    ]);
  });
});

describe('a wallet that others could change', () => {
  test.each(['address agent', 'list'])('is refused by %s', async (verb) => {
    const me = owner();
    const file = put(me, 'agent', castFile);
    chmodSync(file, 0o664);
    const { stdout, stderr } = await me.ci(`agent wallet ${verb} ${verb === 'list' ? '' : password}`);
    expect(stdout).toBe('');
    expect(stderr).toContain(
      `Other users can write to ${file} (mode 0664). Check that everything in it is yours, then run`,
    );
    chmodSync(file, 0o644);
    expect((await me.ci(`agent wallet address agent ${password}`)).stdout).toBe(`${castAddress}\n`);
  });

  test('is used if it has another hard link, such as a copy in a backup', async () => {
    const me = owner();
    linkSync(put(me, 'agent', castFile), path.join(me.home, 'other'));
    expect((await me.ci(`agent wallet address agent ${password}`)).stdout).toBe(`${castAddress}\n`);
  });

  test.each(['create agent', 'list', 'address agent'])('is refused by %s if the directory is theirs', async (verb) => {
    const me = owner();
    put(me, 'cast', castFile);
    chmodSync(folderOf(me), 0o777);
    const { code, stdout, stderr } = await me.ci(`agent wallet ${verb} ${verb === 'list' ? '' : password}`);
    expect([code, stdout, entries(me)]).toEqual([1, '', ['cast']]);
    expect(stderr).toMatch(/^ci: Other users can write to \S+\/\.foundry\/keystores \(mode 0777\)\. .*chmod/);
  });
});

test('says which directory is missing for --keystore, and creates none', async () => {
  const me = owner();
  const { code, stderr } = await me.ci(`agent wallet create --keystore new/w.json ${password}`);
  const folder = path.join(me.home, 'new');
  expect([code, stderr]).toEqual([
    1,
    `ci: Can't write ${folder}/w.json: no such file or directory. Nothing was saved. Run \`mkdir -p ${folder}\`.\n`,
  ]);
  expect(readdirSync(me.home).sort()).toEqual(['bin', 'password']);
});

test.skipIf(nodeOnly('loads a script'))(
  'leaves a whole wallet or none if the process is killed at any point',
  async () => {
    const me = owner();
    // The script counts steps with files that have .env in their names.
    const named = 'wallet.env';
    copyFileSync(path.join(me.home, 'password'), path.join(me.home, 'password.env'));
    const line = `agent wallet import --keystore ${named} --password-file password.env`;
    const dying = (steps: Environment) =>
      me.process(line, {
        stdin: castKey,
        env: { NODE_OPTIONS: `--require ${path.resolve('test/support/dying.cjs')}`, ...steps },
      });
    // The address that a file states is read without its password, which would take long each time.
    const stateIn = async (folder: string) => {
      for (const each of readdirSync(folder)) {
        if (each !== 'password.env' && each.includes('.env'))
          expect([each, modeOf(path.join(folder, each))]).toEqual([each, '600']);
      }
      const { code, stdout } = await me.ci(`agent wallet address --keystore ${named}`, { cwd: folder });
      return code === 0 ? stdout.trim() : code === 5 ? 'none' : `code ${code}`;
    };
    const copies = emptyFolder();
    expect((await dying({ COPIES_TO: copies })).code).toBe(0);
    const count = readdirSync(copies).length;
    const seen: string[] = [];
    for (let steps = 0; steps < count; steps += 1) {
      const folder = path.join(copies, String(steps));
      seen.push(await stateIn(folder));
    }
    expect(seen.join(' ')).toMatch(new RegExp(`^(?:none ){8,}(?:${castAddress} ?)+$`));
    // Some are killed. The next one imports the key.
    for (const steps of [count - 1, Math.floor(count / 2)]) {
      rmSync(path.join(me.home, named), { force: true });
      expect([steps, (await dying({ DIES_AFTER: String(steps) })).signal]).toEqual([steps, 'SIGKILL']);
      expect([steps, await stateIn(me.home)]).toEqual([steps, seen[steps]]);
    }
    rmSync(path.join(me.home, named), { force: true });
    expect((await me.ci(line, { stdin: castKey })).code).toBe(0);
    const proven = await me.ci(`agent wallet address --keystore ${named} --password-file password.env`);
    expect(proven.stdout).toBe(`${castAddress}\n`);
    // It also removes what the others left.
    expect(readdirSync(me.home).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  },
);
