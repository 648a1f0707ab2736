import { checkedPool, chooseBlocks, poolChoices } from '../../account/choose-pool.ts';
import { PoolCatalog } from '../../account/pool-catalog.ts';
import type { KeyOptions } from '../../account/purchase/buy-with-keys.ts';
import type { DotenvContext } from '../../account/secrets/dotenv-file.ts';
import { watchPurpose } from '../../account/watch/consent.ts';
import { eventFields } from '../../account/watch/events.ts';
import { PoolPoller, type WatchTarget } from '../../account/watch/poll.ts';
import { type Duration, SeatWatch, type WatchContext, type WatchOptions } from '../../account/watch/watch.ts';
import {
  billingCycleOption,
  blockListOption,
  noWaitOption,
  parseAmount,
  parseBlocks,
  parseCount,
  poolArgument,
  quantityOption,
  type SettlingOptions,
  settleOption,
  settlingOf,
} from '../../cli/options.ts';
import {
  type CreateKeyOptions,
  createKeyOption,
  forceOption,
  keyOptionsOf,
  saveOption,
  variableOption,
} from '../../cli/save-options.ts';
import type { ValueOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { type Block, blockNames } from '../../domain/blocks.ts';
import { parseDuration } from '../../domain/duration.ts';
import { usageError } from '../../domain/errors.ts';
import type { BillingCycle } from '../../domain/quote.ts';

/** The shortest interval for an API that isn't on this machine, in milliseconds. */
const shortestInterval = 5000;

/** Blocks as typed. */
interface BlockChoice {
  readonly blocks: readonly Block[];
  /** Whether they must be open together; undefined if `any` or `all` was not typed. */
  readonly together?: boolean;
}

interface Flags extends Omit<WatchOptions, 'billingCycle' | keyof KeyOptions>, CreateKeyOptions, SettlingOptions {
  readonly blocks?: BlockChoice;
  readonly allBlocks?: true;
  readonly interval?: Duration;
  readonly billingCycle?: BillingCycle;
}

/** What `ci pools watch` watches, and what it does with what opens. */
export interface Options extends Flags {
  /** Slugs or UUIDs; empty: ask. */
  readonly pools: readonly string[];
}

/** `ci pools watch`: waits for a seat, and buys it if asked to. */
export default function watch(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields: eventFields,
      changes: true,
      examples: [
        'ci pools watch minimax-m3 --blocks americas',
        'ci pools watch kimi26 minimax-m3 --blocks any --for 6h --bell',
        'ci pools watch minimax-m3 --blocks americas --subscribe --max-price 45 --yes --json',
        'ci pools watch kimi26 --blocks all --forever --exec \'notify-send "$CHEAPESTINFERENCE_POOL is open"\'',
      ],
    })
    .addArgument(poolArgument('[pool...]', 'slugs or UUIDs: the first that opens'))
    .addOption(blockChoiceOption())
    .option('--all-blocks', 'wait until the named blocks are open together')
    .option('--interval <duration>', 'time between two checks, at least 5s (default: 15s)', duration('--interval'))
    .option('--for <duration>', 'give up after this long, with exit code 6', duration('--for'))
    .option('--count <openings>', 'go on until so many openings were reported (default: 1)', parseCount('--count'))
    .option('--forever', 'go on reporting')
    .option('--bell', "ring the terminal's bell")
    .option('--exec <command>', 'run this through your shell, told by CHEAPESTINFERENCE_EVENT, _POOL, _BLOCKS…')
    .option('--webhook <url>', 'post the event there as JSON; https, or http on this machine')
    .option('--subscribe', 'buy what opens at once: charges the saved card')
    .addOption(quantityOption())
    .addOption(billingCycleOption().default(undefined))
    .option('--max-price <usd>', 'with --subscribe: the most it may charge', parseAmount('--max-price'))
    .option('--ensure', 'with --subscribe: end at once when you hold one of them already')
    .option('--again', 'with --subscribe: allow a repeat of a recent or unsettled purchase')
    .addOption(noWaitOption())
    .addOption(settleOption())
    .addOption(createKeyOption())
    .addOption(saveOption())
    .addOption(variableOption())
    .addOption(forceOption())
    .action((pools: string[], flags: Flags) => execute({ pools, ...flags }, context));
}

/** Waits until a block opens, and reports or buys it. */
export async function run(options: Options, context: WatchContext): Promise<void> {
  context.settling = settlingOf(options);
  const keys = await check(context, options);
  const { prompts } = context;
  if (options.subscribe && !options.ensure) prompts.requireConsent(watchPurpose);
  const api = await context.api();
  const interval = await intervalFor(context, options.interval);
  if (options.subscribe) {
    requireLimit(context, options);
    api.client.requireSignedIn();
  }
  const target = await chooseTarget(context, options);
  const { billingCycle = 'month' } = options;
  const poller = await PoolPoller.start({ api, clocks: context.clocks }, target);
  await new SeatWatch(context, poller, { ...options, ...keys, billingCycle }).run(interval);
}

/** Refuses flags that contradict each other, before anything is sent. @returns the keys to create */
async function check(context: DotenvContext, options: Flags): Promise<KeyOptions> {
  const { subscribe, blocks, allBlocks, count, forever } = options;
  const only = [
    options.billingCycle && '--billing-cycle',
    options.maxPrice !== undefined && '--max-price',
    options.ensure && '--ensure',
    options.again && '--again',
    options.wait === false && '--no-wait',
    options.settle !== undefined && '--settle',
    options.createKey !== undefined && '--create-key',
    options.save !== undefined && '--save',
  ].find((flag) => typeof flag === 'string');
  if (only && !subscribe) throw usageError(`${only} goes with --subscribe`);
  if (blocks?.together === false && allBlocks) throw usageError('--blocks any and --all-blocks exclude each other');
  if (count !== undefined && forever) throw usageError('--count and --forever exclude each other');
  const more = count !== undefined ? '--count' : forever ? '--forever' : undefined;
  if (subscribe && more)
    throw usageError(`--subscribe and ${more} exclude each other`, 'It ends with its one purchase.');
  if (options.ensure && options.again) throw usageError('--ensure and --again exclude each other');
  if (options.exec?.trim() === '') throw usageError('--exec is empty');
  if (options.webhook !== undefined) {
    const { parseWebhook } = await import('../../api/webhook.ts');
    parseWebhook(options.webhook);
  }
  return keyOptionsOf(context, options);
}

/** Requires `--max-price` if nobody can be asked for it. @throws CommandError (input_required) */
function requireLimit({ prompts }: Pick<Context, 'prompts'>, { maxPrice }: Flags): void {
  if (maxPrice !== undefined) return;
  prompts.requireSomebody('what may it charge at the most? Say it: --max-price 49');
}

/** Returns the milliseconds between two checks. @throws CommandError (usage) if that is too short for an API that others use too */
async function intervalFor(context: Pick<Context, 'api'>, typed: Duration | undefined): Promise<number> {
  const milliseconds = typed?.milliseconds ?? 15_000;
  if (milliseconds >= shortestInterval) return milliseconds;
  const { isLoopback } = await import('../../api/transport.ts');
  const { client } = await context.api();
  if (isLoopback(client.baseUrl.hostname)) return milliseconds;
  throw usageError(
    `--interval is "${typed?.text}", and the API is asked no sooner than after 5s`,
    'Write --interval 5s, or leave it out for 15s; a shorter one is for the sandbox and for this machine alone.',
  );
}

/** Returns what to watch, as typed or chosen. */
async function chooseTarget(context: WatchContext, options: Options): Promise<WatchTarget> {
  const catalog = new PoolCatalog(context);
  const pools = options.pools.length > 0 ? options.pools.map(checkedPool) : await choosePools(context, catalog);
  const blocks = await chooseBlocks(context, pools[0] ?? '', options.blocks?.blocks, { catalog, onlyFree: false });
  const together = options.allBlocks ?? options.blocks?.together ?? false;
  return { pools, blocks, together, quantity: options.quantity };
}

async function choosePools(context: Pick<Context, 'prompts'>, catalog: PoolCatalog): Promise<string[]> {
  const missing = 'which pools? Name them: `ci pools list` shows them';
  context.prompts.requireSomebody(missing);
  return context.prompts.pickSeveral('Which pools?', await poolChoices(context, await catalog.list()), missing);
}

/** `--blocks asia,europe`, `--blocks any` or `--blocks all`. */
function blockChoiceOption(): ValueOption {
  const description = `${blockNames.join(', ')} (comma between): any of them; any, or all together`;
  const option = blockListOption('--blocks <names>', description, [
    { name: 'any', description: 'whichever opens' },
    { name: 'all', description: 'the whole day, together' },
  ]);
  return option.argParser((text): BlockChoice => {
    const word = text.trim().toLowerCase();
    if (word === 'any') return { blocks: blockNames, together: false };
    if (word === 'all') return { blocks: blockNames, together: true };
    return { blocks: parseBlocks(text, option) };
  });
}

function duration(option: string): (text: string) => Duration {
  return (text) => ({ text, milliseconds: parseDuration(text, option) });
}
