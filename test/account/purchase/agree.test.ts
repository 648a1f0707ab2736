import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type AgreeOptions, agree, checkLimits, checkRepeat, type Offer } from '../../../src/account/purchase/agree.ts';
import { purchaseIntent } from '../../../src/account/purchase/intent.ts';
import { pricePurchase } from '../../../src/account/purchase/price.ts';
import type { Pool, Subscription } from '../../../src/api/pools.ts';
import { createContext } from '../../../src/context/create.ts';
import { defaultSettling } from '../../../src/context/settling.ts';
import { type Block, hoursOf } from '../../../src/domain/blocks.ts';
import { CommandError } from '../../../src/domain/errors.ts';
import { Buffered } from '../../support/buffer.ts';
import { emptyFolder } from '../../support/folder.ts';
import { Line } from '../../support/person.ts';
import { worldWith } from '../../support/world.ts';

function poolOf(slug: string, { price = 49, status = 'available' } = {}): Pool {
  const blocks = ['asia', 'europe', 'americas'].map((block) => ({ block, pricePerMonth: price, status }));
  return { id: `id-of-${slug}`, slug, status: 'active', blocks };
}

function offerOf(pool: Pool, { blocks = ['europe'] as readonly Block[], maximum }: Partial<AsOffered> = {}): Offer {
  const purchase = pricePurchase(pool, undefined, blocks, { quantity: 1, billingCycle: 'month' });
  return { intent: purchaseIntent(purchase), purchase, maximum };
}

interface AsOffered {
  readonly blocks: readonly Block[];
  readonly maximum: number | undefined;
}

function subscriptionOf(id: string, block: Block): Subscription {
  return { id, status: 'active', monthlyPrice: 49, hours: hoursOf(block).map((hour) => ({ hour, slotIndex: 0 })) };
}

interface Given {
  /** The user's subscriptions on each pool. */
  readonly held?: Readonly<Record<string, readonly Subscription[]>>;
  readonly spent?: number;
  /** The profile's `max-monthly-spend`. */
  readonly limit?: string;
  /** Whether the user can be asked. */
  readonly canAsk?: boolean;
  readonly again?: boolean;
  readonly settlingTime?: string;
}

/** Sets up a user who agrees to everything, and logs what happens, in order. */
function scene({ held = {}, spent, limit, canAsk = true, again = false, settlingTime }: Given = {}) {
  const folder = emptyFolder();
  const config = path.join(folder, 'config');
  mkdirSync(config, { mode: 0o700 });
  const profiles = { profiles: { default: { maxMonthlySpend: limit, settlingTime } } };
  writeFileSync(path.join(config, 'config.json'), JSON.stringify(profiles), { mode: 0o600 });
  const log: string[] = [];
  const stderr = new Line(false).on('data', (text: Buffer) => log.push(text.toString().trimEnd()));
  const context = createContext(
    worldWith({
      stdout: new Buffered(false),
      stderr,
      env: {
        CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_of_the_tests',
        CHEAPESTINFERENCE_CONFIG_DIR: config,
        XDG_STATE_HOME: path.join(folder, 'state'),
      },
    }),
    () => ({ input: true, color: false }),
  );
  context.settling = { ...defaultSettling, again };
  const says = (kind: string) => async (question: string) => {
    // Text written to a stream is logged in the next turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    log.push(`${kind}: ${question}`);
  };
  const options: AgreeOptions = {
    facts: async () => {
      log.push('facts');
      return [['Pool', 'kimi26']];
    },
    question: 'Charge it now?',
    account: {
      subscriptions: async (pool) => {
        log.push(`subscriptions on ${pool}`);
        return held[pool] ?? [];
      },
      spending: async () => {
        log.push('spending');
        return spent;
      },
    },
    prompts: { canAsk, requireConsent: () => {}, consent: says('consent'), consentAgain: says('repeat') },
  };
  /** Records an earlier purchase. */
  const bought = async ({ intent }: Offer, ids: readonly string[] | undefined) => {
    const history = await context.record.history();
    const id = await history.begin({ intent, before: { ids: [] }, account: await context.record.account() });
    if (ids) await history.settle(id, { outcome: 'applied', by: 'answer', ids });
    return id;
  };
  return { context, log, options, bought };
}

const kimi = poolOf('kimi26');
const minimax = poolOf('minimax-m3', { price: 60 });

describe('before it asks for consent', () => {
  test("refuses seats that aren't available", async () => {
    const { context, log, options } = scene();
    const offer = offerOf(poolOf('kimi26', { status: 'sold-out' }), { maximum: 100 });
    await expect(agree(context, [offer], options)).rejects.toMatchObject({ code: 'unavailable' });
    expect(log).toEqual([]);
  });

  test('refuses a price above --max-price before it fetches the spending', async () => {
    const { context, log, options } = scene({ limit: '10', spent: 0 });
    await expect(agree(context, [offerOf(kimi, { maximum: 4899 })], options)).rejects.toMatchObject({
      code: 'price_above_maximum',
      message: expect.stringContaining('--max-price'),
    });
    expect(log).toEqual([]);
  });

  test('refuses a price above max-monthly-spend', async () => {
    const { context, log, options } = scene({ limit: '97.99', spent: 4900 });
    await expect(agree(context, [offerOf(kimi)], options)).rejects.toMatchObject({
      code: 'price_above_maximum',
      message: expect.stringContaining('max-monthly-spend'),
    });
    expect(log).toEqual(['spending']);
  });

  test('applies no limit to several offers, and no availability check to later ones', async () => {
    const { context, options } = scene({ limit: '1', spent: 0 });
    const offers = [offerOf(kimi, { maximum: 100 }), offerOf(minimax, { maximum: 100 })];
    await agree(context, offers, { ...options, opensLater: true });
    const soldOut = offerOf(poolOf('kimi26', { status: 'sold-out' }));
    await agree(scene().context, [soldOut], { ...options, opensLater: true });
  });

  test('checks only the limits of a price that is only shown', async () => {
    const { context, options } = scene({ limit: '48', spent: 0 });
    const soldOut = offerOf(poolOf('kimi26', { status: 'sold-out' }));
    await expect(checkLimits(context, [soldOut], options.account)).rejects.toMatchObject({
      message: expect.stringContaining('max-monthly-spend'),
    });
    await checkLimits(scene({ limit: '49', spent: 0 }).context, [soldOut], options.account);
  });
});

describe('consent', () => {
  test('shows the facts, the seats you already have, and the account', async () => {
    const held = { kimi26: [subscriptionOf('s1', 'europe'), subscriptionOf('s2', 'europe')] };
    const { context, log, options } = scene({ held });
    await agree(context, [offerOf(kimi, { blocks: ['asia', 'europe'] })], options);
    expect(log).toEqual([
      'spending',
      'facts',
      'subscriptions on kimi26',
      expect.stringMatching(
        /^Pool +kimi26\nYou have +2 seats in europe already\nCharged to +your saved card\nAccount +mk_/,
      ),
      'consent: Charge it now?',
    ]);
  });

  test('names the pools of the seats you have if there are several', async () => {
    const held = { kimi26: [subscriptionOf('s1', 'europe')], 'minimax-m3': [subscriptionOf('s2', 'europe')] };
    const { context, log, options } = scene({ held });
    await agree(context, [offerOf(kimi), offerOf(minimax)], options);
    expect(log.join('\n')).toMatch(/You have +1 seat in europe of kimi26 and 1 seat in europe of minimax-m3 already\n/);
  });

  test("asks even if your subscriptions can't be fetched", async () => {
    const { context, log, options } = scene();
    const subscriptions = () => Promise.reject(new CommandError('server_error', 'down'));
    await agree(context, [offerOf(kimi)], { ...options, account: { ...options.account, subscriptions } });
    expect(log).toContain('consent: Charge it now?');
    expect(log.join('\n')).not.toContain('You have');
  });

  test("doesn't fetch your subscriptions without a terminal", async () => {
    const { context, log, options } = scene({ canAsk: false });
    await agree(context, [offerOf(kimi)], options);
    expect(log).toEqual(['spending']);
  });

  test('explains the risk of --again first, whichever offer it is about', async () => {
    const { context, log, options, bought } = scene({ again: true });
    await bought(offerOf(minimax), undefined);
    expect(await agree(context, [offerOf(kimi), offerOf(minimax)], options)).toBeUndefined();
    const risk = log.findIndex((line) => /^Continuing, although an earlier "subscribe minimax-m3 europe/.test(line));
    expect(risk).toBeGreaterThan(-1);
    expect(log.indexOf('consent: Charge it now?')).toBeGreaterThan(risk);
  });
});

describe('a repeat', () => {
  const held = { kimi26: [subscriptionOf('s1', 'europe')], 'minimax-m3': [subscriptionOf('s2', 'europe')] };

  test('needs a second consent, asked with the same prompts', async () => {
    const { context, log, options, bought } = scene({ held });
    const id = await bought(offerOf(kimi), ['s1']);
    const agreed = await agree(context, [offerOf(kimi)], options);
    expect(log.slice(-4)).toEqual([
      'consent: Charge it now?',
      'subscriptions on kimi26',
      'You bought the same thing just now: s1.',
      'repeat: Buy it again?',
    ]);
    expect(agreed?.repeated).toEqual(new Set([id]));
  });

  test('needs one consent for several offers', async () => {
    const { context, log, options, bought } = scene({ held });
    const ids = [await bought(offerOf(kimi), ['s1']), await bought(offerOf(minimax), ['s2'])];
    const agreed = await agree(context, [offerOf(kimi), offerOf(minimax)], options);
    expect(log.filter((line) => line.startsWith('repeat'))).toEqual(['repeat: Buy it again?']);
    expect(agreed?.repeated).toEqual(new Set(ids));
  });

  test('is refused without a terminal', async () => {
    const { context, options, bought } = scene({ held, canAsk: false });
    await bought(offerOf(kimi), ['s1']);
    await expect(agree(context, [offerOf(kimi)], options)).rejects.toMatchObject({ code: 'confirmation_required' });
  });

  test('needs no consent with --ensure', async () => {
    const { context, options, bought } = scene({ held, canAsk: false });
    await bought(offerOf(kimi), ['s1']);
    expect(await agree(context, [offerOf(kimi)], { ...options, ensure: true })).toBeUndefined();
  });

  test('is one if the account may not list the first subscription yet', async () => {
    const { context, options, bought } = scene({ canAsk: false });
    await bought(offerOf(kimi), ['s1']);
    await expect(agree(context, [offerOf(kimi)], options)).rejects.toMatchObject({ code: 'confirmation_required' });
  });

  test("isn't one if the first subscription no longer exists", async () => {
    const { context, options, bought } = scene({ canAsk: false, settlingTime: '1s' });
    await bought(offerOf(kimi), ['s1']);
    await context.clocks.sleep(1100);
    expect((await agree(context, [offerOf(kimi)], options))?.repeated).toEqual(new Set());
  });

  test('is refused for a purchase made since the consent, but not for one that the consent covers', async () => {
    const { context, options, bought } = scene({ held });
    await bought(offerOf(kimi), ['s1']);
    const offer = offerOf(kimi);
    const agreed = await agree(context, [offer], options);
    if (!agreed) throw new Error('nothing was agreed');
    await checkRepeat(context, offer.intent, held.kimi26, agreed);
    await bought(offerOf(kimi), ['s3']);
    const mine = [...held.kimi26, subscriptionOf('s3', 'europe')];
    const repeated = { code: 'confirmation_required', message: 'You bought the same thing just now: s3' };
    await expect(checkRepeat(context, offer.intent, mine, agreed)).rejects.toMatchObject(repeated);
  });
});
