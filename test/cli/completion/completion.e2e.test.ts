import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { managementKey, type User, user, userOf } from '../../support/cli.ts';
import { atHand } from '../../support/names.ts';
import { bin } from '../../support/program.ts';
import { needs } from '../../support/programs.ts';
import { textAt } from '../../support/sandbox.ts';
import { data, deadUrl, recordedSandbox, server, silence } from '../../support/servers.ts';
import { completing, type Prompt, shells } from '../../support/shells.ts';

describe.each(shells)('%s', (shell) => {
  beforeEach((context) => needs(context, shell));

  /** Completes lines with Tab. */
  async function wentOn(prompt: Prompt, lines: Readonly<Record<string, string>>): Promise<Record<string, string>> {
    const went: Record<string, string> = {};
    for (const line of Object.keys(lines)) went[line] = (await prompt.tab(line)).line;
    return went;
  }

  test('completes a unique word, with a space after it', async () => {
    const prompt = await completing(user(), shell);
    const lines = {
      'ci po': 'ci pools ',
      'ci pools l': 'ci pools list ',
      'ci keys re': 'ci keys revoke ',
      'ci keys rm --n': 'ci keys rm --no-',
      'ci --sandbox po': 'ci --sandbox pools ',
      'ci --profile pools po': 'ci --profile pools pools ',
      'ci --profile=pools po': 'ci --profile=pools pools ',
      'ci -o json -y pools q': 'ci -o json -y pools quote ',
      'ci help po': 'ci help pools ',
      'ci help pools su': 'ci help pools subscri',
      'ci help exi': 'ci help exit-codes ',
      'ci pools list --av': 'ci pools list --available ',
      'ci pools ls --av': 'ci pools ls --available ',
      'ci --out': 'ci --output ',
      'ci pools list --out': 'ci pools list --output ',
      'ci --output y': 'ci --output yaml ',
      'ci -o y': 'ci -o yaml ',
      'ci --output=y': 'ci --output=yaml ',
      'ci pools quote x --billing-cycle y': 'ci pools quote x --billing-cycle year ',
      'ci pools list --status act': 'ci pools list --status activ',
      'ci billing topup 50 --method u': 'ci billing topup 50 --method usdc ',
      'ci usage --period 7': 'ci usage --period 7d ',
      'ci open bi': 'ci open billing ',
      'ci config get o': 'ci config get output ',
      'ci api PO': 'ci api POST ',
      'ci completion install z': 'ci completion install zsh ',
    };
    expect(await wentOn(prompt, lines)).toEqual(lines);
  });

  test('leaves a word without completions as it is', async () => {
    const prompt = await completing(user(), shell);
    const lines = [
      'ci nothing ',
      'ci nothing l',
      'ci pools nothing --',
      'ci nothing --json l',
      'ci pools zz',
      'ci --zz',
      'ci --timeout ',
      'ci --jq=',
      'ci config get output t',
      'ci pools view kimi26 k',
      'ci keys create x --var ',
      'ci pools list -- --av',
      'ci -- --av',
      'ci auth switch ',
      'ci --profile ',
    ];
    const same = Object.fromEntries(lines.map((line) => [line, line]));
    expect(await wentOn(prompt, same)).toEqual(same);
  });

  test('lists commands and options, except those already given', async () => {
    const prompt = await completing(user(), shell);
    const all = async (line: string) => (await prompt.tab(line)).words;
    const nouns = await all('ci ');
    for (const noun of ['status', 'pools', 'keys', 'usage', 'api', 'completion', 'help']) expect(nouns).toContain(noun);
    expect(nouns).not.toContain('--json');
    const verbs = await all('ci keys ');
    expect(verbs).toEqual(expect.arrayContaining(['list', 'create', 'delete']));
    for (const alias of ['ls', 'rm']) expect(verbs).not.toContain(alias);
    expect(await all('ci help ')).toEqual(expect.arrayContaining(['pools', 'environment', 'man']));
    const options = await all('ci pools list --model kimi --');
    expect(options).toEqual(expect.arrayContaining(['--available', '--blocks', '--status', '--json', '--help']));
    for (const other of ['--version', '--block', '--max-price']) expect(options).not.toContain(other);
    // The line itself has it once; zsh and fish write it again when they draw the line anew.
    const offered = options.join(' ').replaceAll('ci pools list --model kimi', '');
    expect(offered).not.toMatch(/--model\b/);
    const twice = await all('ci -o json pools list --');
    expect(twice).not.toContain('--output');
    // What gathers its values can be given again.
    expect(await all('ci api POST /x -f a=b --')).toEqual(
      expect.arrayContaining(['--raw-field', '--field', '--input']),
    );
    // Where nothing else can stand, options are begun.
    expect((await prompt.tab('ci status ')).line).toBe('ci status --');
    expect(await all('ci status --')).toEqual(expect.arrayContaining(['--check', '--json']));
  });

  test('shows descriptions if the shell supports them', async () => {
    const me = user({ CHEAPESTINFERENCE_SANDBOX: '1' });
    const prompt = await completing(me, shell);
    await atHand(me, 'pools');
    const meanings = {
      'ci ': ['pools', 'List pools and reserve blocks'],
      'ci pools list --': ['--available', 'Only pools with an available seat'],
      'ci pools quote x --blocks ': ['europe', '08:00–16:00 UTC'],
      'ci pools view ': ['kimi26', 'Kimi K2.6, active'],
    } as const;
    for (const [line, [name, meaning]] of Object.entries(meanings)) {
      const said = (await prompt.tab(line)).words.join(' ');
      if (shell === 'bash') expect([said.includes(name), said.includes(meaning)]).toEqual([true, false]);
      else expect(said.replace(`${name} -- `, `${name} `)).toContain(`${name} ${meaning}`);
    }
  });

  test('completes lists with commas: each word once, and words that stand alone only first', async () => {
    const prompt = await completing(user(), shell);
    const blocks = async (line: string) => {
      const { line: then, words } = await prompt.tab(line);
      const offered = words.flatMap((word) => word.split(/[,=]/));
      return [then.trimEnd(), ['asia', 'europe', 'americas', 'all'].filter((name) => offered.includes(name))];
    };
    const [start, all] = await blocks('ci pools quote x --blocks ');
    expect([start, all]).toEqual(['ci pools quote x --blocks', ['asia', 'europe', 'americas', 'all']]);
    expect(await blocks('ci pools quote x --blocks asia,')).toEqual([
      'ci pools quote x --blocks asia,',
      ['asia', 'europe', 'americas'],
    ]);
    const lines = {
      'ci pools quote x --blocks eu': 'ci pools quote x --blocks europe',
      'ci pools quote x --blocks asia,eu': 'ci pools quote x --blocks asia,europe',
      'ci pools quote x --blocks=asia,eu': 'ci pools quote x --blocks=asia,europe',
      'ci pools quote x --blocks europe,asia,': 'ci pools quote x --blocks europe,asia,americas',
      // Letters that are in no other block: fish looks for them anywhere.
      'ci pools quote x --blocks asia,asia': 'ci pools quote x --blocks asia,asia',
      'ci pools quote x --blocks asia,all': 'ci pools quote x --blocks asia,all',
      'ci pools list --blocks eu': 'ci pools list --blocks europe',
      'ci pools list --fields sl': 'ci pools list --fields slug',
      'ci pools list --fields id,sl': 'ci pools list --fields id,slug',
      'ci --fields id,cur auth list': 'ci --fields id,cur auth list',
      'ci auth list --fields cur': 'ci auth list --fields current',
      'ci keys ls --fields=apiKey,keyT': 'ci keys ls --fields=apiKey,keyType',
    };
    const went = await wentOn(prompt, lines);
    expect(Object.fromEntries(Object.entries(went).map(([line, then]) => [line, then.trimEnd()]))).toEqual(lines);
    // The last word of a list, and one that stands alone, have a blank behind them.
    expect((await prompt.tab('ci pools quote x --blocks al')).line).toBe('ci pools quote x --blocks all ');
    const last = 'ci pools quote x --blocks europe,asia,americas ';
    expect((await prompt.tab('ci pools quote x --blocks europe,asia,am')).line).toBe(last);
  });

  test('completes files', async () => {
    const me = user();
    const prompt = await completing(me, shell);
    mkdirSync(path.join(me.home, 'my project'));
    writeFileSync(path.join(me.home, 'my project', '.env'), '');
    writeFileSync(path.join(me.home, 'body.json'), '{}');
    const lines = {
      'ci api POST /x --input bo': 'ci api POST /x --input body.json ',
      'ci api POST /x --input=bo': 'ci api POST /x --input=body.json ',
      'ci keys create x --save my': 'ci keys create x --save my\\ project/',
    };
    expect(await wentOn(prompt, lines)).toEqual(lines);
  });

  test('completes names of the account', async () => {
    const { me, ids } = await customerWithNames();
    const prompt = await completing(me, shell);
    for (const kind of ['pools', 'keys', 'subscriptions']) await atHand(me, kind);
    const keys = await prompt.tab('ci keys delete ');
    expect(keys.words).toEqual(expect.arrayContaining(['prod-api', 'client-acme']));
    // The ids distinguish two keys of the same name.
    expect(keys.words).toEqual(expect.arrayContaining([ids.twin, ids.otherTwin]));
    expect(keys.words).not.toContain('twin');
    expect(keys.words).not.toContain(ids.prod);
    const lines = {
      'ci pools view k': 'ci pools view kimi26 ',
      'ci pools subscribe --blocks asia k': 'ci pools subscribe --blocks asia kimi26 ',
      'ci pools subscribe k': 'ci pools subscribe kimi26 ',
      'ci pools view --json -- k': 'ci pools view --json -- kimi26 ',
      'ci keys create x --pool k': 'ci keys create x --pool kimi26 ',
      'ci keys create x --pool=k': 'ci keys create x --pool=kimi26 ',
      'ci keys delete pr': 'ci keys delete prod-api ',
      'ci keys delete prod-api pr': 'ci keys delete prod-api pr',
      'ci keys rm client-acme pr': 'ci keys rm client-acme prod-api ',
      [`ci keys delete ${ids.prod.slice(0, 13)}`]: `ci keys delete ${ids.prod} `,
      'ci usage cl': 'ci usage client-acme ',
      'ci usage sn': 'ci usage snapshot ',
      'ci usage client-acme --ref': 'ci usage client-acme --refresh ',
      [`ci keys create x --subscription ${ids.subscription.slice(0, 8)}`]: `ci keys create x --subscription ${ids.subscription} `,
      [`ci billing cancel ${ids.subscription.slice(0, 8)}`]: `ci billing cancel ${ids.subscription} `,
      'ci keys delete tw': 'ci keys delete tw',
    };
    expect(await wentOn(prompt, lines)).toEqual(lines);
  });

  test('uses the account that the line chooses', async () => {
    const api = (slug: string) =>
      server((request, response) => data(request.path === '/api/pools' ? [{ id: slug, slug }] : {})(request, response));
    const work = await api('of-work');
    const home = await api('of-home');
    const me = user({ CHEAPESTINFERENCE_MANAGEMENT_KEY: managementKey });
    for (const [profile, { url }] of Object.entries({ work, home })) {
      const line = `auth login --with-key --profile ${profile} --api-url ${url}`;
      expect((await me.ci(line, { stdin: `mk_of_${profile}_0123456789` })).code).toBe(0);
    }
    const prompt = await completing(me, shell);
    await atHand(me, 'pools');
    for (const more of ['--profile home', '--sandbox', `--api-url ${home.url}`]) await atHand(me, `pools ${more}`);
    const lines = {
      'ci --profile ho': 'ci --profile home ',
      'ci auth switch ho': 'ci auth switch home ',
      'ci pools view of': 'ci pools view of-work ',
      'ci --profile home pools view of': 'ci --profile home pools view of-home ',
      'ci pools view --profile=home of': 'ci pools view --profile=home of-home ',
      'ci pools --sandbox view k': 'ci pools --sandbox view kimi26 ',
      [`ci --api-url ${home.url} pools view of`]: `ci --api-url ${home.url} pools view of-home `,
    };
    expect(await wentOn(prompt, lines)).toEqual(lines);
    // bash does not tell a completion what is set before the command.
    const line = 'CHEAPESTINFERENCE_SANDBOX=1 ci pools view k';
    expect((await prompt.tab(line)).line).toBe(shell === 'bash' ? line : `${line}imi26 `);
  });

  test('works for both names of the program', async () => {
    const me = user({ CHEAPESTINFERENCE_SANDBOX: '1' });
    symlinkSync(bin, path.join(me.home, 'bin', 'cheapestinference'));
    const prompt = await completing(me, shell);
    await atHand(me, 'pools');
    const lines = {
      'cheapestinference po': 'cheapestinference pools ',
      'cheapestinference pools view k': 'cheapestinference pools view kimi26 ',
      '~/bin/ci pools view k': '~/bin/ci pools view kimi26 ',
    };
    expect(await wentOn(prompt, lines)).toEqual(lines);
  });

  test('quotes special characters in names from the API', async () => {
    const names = [
      '$(touch pwned)',
      '`touch pwned`',
      "'; touch pwned; '",
      '"; touch pwned; "',
      "'$(touch pwned)",
      '"$(touch pwned)',
      "x'",
      'x"',
      'x\\\\',
      '\\$(touch pwned)',
      '& touch pwned &',
      '>pwned',
      '{a,b}*?[!x]',
      '#!history',
      'a:b=c@d:e',
      'ünïcödé ≠',
    ];
    const api = await server(data(names.map((slug, at) => ({ id: `id-${at}`, slug }))));
    const me = userOf(api);
    const prompt = await completing(me, shell);
    const printed = await atHand(me, 'pools');
    expect(printed.map((line) => line.split('\t')[0])).toEqual(names);
    // The program reads `offered`, one line that `ci` printed, and writes the words of a line to `arrived`.
    const offered = path.join(me.home, 'offered');
    const arrived = path.join(me.home, 'arrived');
    writeProgram(me, 'ci', `case $1 in --complete) cat offered ;; *) printf '%s' "$3" >arrived ;; esac`);
    for (const [at, name] of names.entries()) {
      writeFileSync(offered, `${printed[at]}\n`);
      // In a quote that is open already it is no less a word.
      for (const quote of ['', "'", '"']) {
        // History is not to be held back in double quotes: such a name is not offered there.
        if (shell === 'bash' && quote === '"' && name.includes('!')) continue;
        writeFileSync(arrived, 'nothing');
        await prompt.enter(`ci pools view ${quote}`);
        expect([quote, readFileSync(arrived, 'utf8')]).toEqual([quote, name]);
      }
    }
    expect(existsSync(path.join(me.home, 'pwned'))).toBe(false);
  });

  test('does not offer names with invisible characters or several words', async () => {
    const names = ['a\nb', '\x1b[2Jx', 'x\u202ey', '-rf', '--yes', '~/x', ' ', '', 'fine'];
    const me = userOf(await server(data(names.map((slug, at) => ({ id: `id-${at}`, slug })))));
    expect((await atHand(me, 'pools')).map((line) => line.split('\t')[0])).toEqual([
      'fine',
      ...['id-0', 'id-1', 'id-2', 'id-3', 'id-4', 'id-5', 'id-6', 'id-7'],
    ]);
    const prompt = await completing(me, shell);
    expect((await prompt.tab('ci pools view f')).line).toBe('ci pools view fine ');
    expect(prompt.written).not.toContain('\x1b[2Jx');
  });

  test('prints nothing without a network or a key, or with damaged files', async () => {
    const me = user();
    const prompt = await completing(me, shell);
    const lines = ['ci pools view ', 'ci keys delete x', `ci --api-url ${deadUrl} pools view `];
    const same = Object.fromEntries(lines.map((line) => [line, line]));
    const dead = { CHEAPESTINFERENCE_API_URL: deadUrl };
    expect(await wentOn(prompt, { [lines[2] ?? '']: '' })).toEqual({ [lines[2] ?? '']: lines[2] });
    await me.ci('auth login --with-key --profile x', { stdin: 'mk_x', env: dead });
    const folder = path.join(me.home, 'config', 'cheapestinference');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'config.json'), '{"profiles": ');
    expect(await wentOn(prompt, same)).toEqual(same);
    expect(await wentOn(prompt, { 'ci --profile ': '', 'ci auth switch ': '' })).toEqual({
      'ci --profile ': 'ci --profile ',
      'ci auth switch ': 'ci auth switch ',
    });
    expect(prompt.written).not.toMatch(/error|Error|node:|at .*\.js/);
  });

  test('does not wait for an API that does not respond', async () => {
    let closed = 0;
    const api = await server((request, response) => {
      response.on('close', () => {
        closed += 1;
      });
      return silence(request, response);
    });
    const prompt = await completing(userOf(api), shell);
    expect((await prompt.tab('ci pools view k')).line).toBe('ci pools view k');
    // The request is still under way, in the background: the Tab was over before it.
    await api.got('GET');
    expect(closed).toBe(0);
    expect((await prompt.tab('ci pools view k')).line).toBe('ci pools view k');
    expect(api.requests).toEqual(['GET /api/pools']);
  });
});

/** Returns a user with a subscription and four keys, two with the same name. */
async function customerWithNames(): Promise<{
  me: User;
  ids: Record<'prod' | 'twin' | 'otherTwin' | 'subscription', string>;
}> {
  const api = await recordedSandbox();
  const { box } = api;
  const subscription = await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
  const key = async (name: string) => textAt(await box.data('POST', '/api/keys/credit', { name }), 'id');
  const prod = textAt(await box.data('POST', '/api/keys/subscription', { name: 'prod-api' }), 'id');
  await key('client-acme');
  const ids = { prod, twin: await key('twin'), otherTwin: await key('twin'), subscription: textAt(subscription, 'id') };
  return { me: userOf(api), ids };
}

/** Puts a script where the user's programs are. */
function writeProgram({ home }: User, name: string, script: string): void {
  const file = path.join(home, 'bin', name);
  rmSync(file, { force: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}
