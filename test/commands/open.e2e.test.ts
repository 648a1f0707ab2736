import { describe, expect, test } from 'vitest';
import { browser } from '../support/browser.ts';
import { json, oneLine, sandboxUser, user } from '../support/cli.ts';
import { shown } from '../support/terminal.ts';

const pages = [
  ['', 'https://cheapestinference.com/dashboard'],
  ['dashboard', 'https://cheapestinference.com/dashboard'],
  ['docs', 'https://docs.cheapestinference.com'],
  ['keys', 'https://cheapestinference.com/dashboard'],
  ['billing', 'https://cheapestinference.com/dashboard'],
  ['pools', 'https://cheapestinference.com/pools'],
] as const;

/** What opens `docs` after all else, to be the last page there is. */
const last = 'https://docs.cheapestinference.com/';

describe('`ci open`', () => {
  test.each(pages)('opens the page %s in the browser on a terminal, and prints its URL', async (place, url) => {
    const me = user();
    const { opened } = browser(me);
    const { code, rows } = await shown(me, `open ${place}`);
    expect([code, rows[0]]).toEqual([0, url]);
    const [page = ''] = await opened(1);
    expect(new URL(page).href).toBe(new URL(url).href);
  });

  test.each(pages)('prints the URL of %s in a pipe', async (place, url) => {
    expect(await user().ci(`open ${place}`)).toMatchObject({ code: 0, stdout: `${url}\n` });
  });

  test('prints JSON, CSV and YAML', async () => {
    const me = user();
    const url = 'https://cheapestinference.com/pools';
    expect(json(await me.ci('open pools --json'))).toEqual({ place: 'pools', url });
    expect((await me.ci('open pools -o csv')).stdout).toBe(`place,url\r\npools,${url}\r\n`);
    expect((await me.ci('open pools -o yaml')).stdout).toBe(`place: pools\nurl: ${url}\n`);
    expect((await me.ci('open pools --jq .url')).stdout).toBe(`${url}\n`);
    expect((await me.ci('open pools --fields url')).stdout).toContain(url);
  });

  test('opens nothing without a terminal, with --no-input, or in a CI pipeline', async () => {
    const me = user();
    const { opened } = browser(me);
    expect((await me.ci('open')).code).toBe(0);
    expect((await shown(me, 'open --no-input', { pty: true })).code).toBe(0);
    expect((await shown(me, 'open', { env: { CI: 'true' }, pty: true })).code).toBe(0);
    await shown(me, 'open docs', { pty: true });
    expect(await opened(1)).toEqual([last]);
  });

  test('prints the URL if there is no browser', async () => {
    const me = user();
    const { code, screen } = await shown(me, 'open docs', { env: { PATH: '' }, pty: true });
    expect([code, screen]).toEqual([0, expect.stringContaining('https://docs.cheapestinference.com')]);
  });

  test('does not mention the sandbox for pages of the website', async () => {
    const { code, stderr } = await sandboxUser().ci('open docs');
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('The sandbox serves this page')]);
  });

  test('refuses an unknown page, lists the known ones, and opens nothing', async () => {
    const me = user();
    const { opened } = browser(me);
    for (const place of ['billings', '', 'constructor', 'https://example.com']) {
      const { code, screen } = await shown(me, ['open', place], { pty: true });
      expect([place, code, screen.startsWith('ci: ')]).toEqual([place, 2, true]);
      const { stdout, stderr } = await me.ci(['open', place]);
      expect(stdout).toBe('');
      expect(stderr).toMatch(oneLine);
      expect(stderr).toContain('dashboard, docs, keys, billing or pools');
    }
    await shown(me, 'open docs', { pty: true });
    expect(await opened(1)).toEqual([last]);
  });

  test('refuses two pages', async () => {
    const { code, stdout, stderr } = await user().ci('open docs pools');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(oneLine);
  });
});
