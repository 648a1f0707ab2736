import type { Option } from 'commander';
import { checkedPool, chooseBlocks, poolChoices } from '../../account/choose-pool.ts';
import { PoolCatalog } from '../../account/pool-catalog.ts';
import { type KeyOptions, refuseEmailedKeys } from '../../account/purchase/buy-with-keys.ts';
import {
  billingCycleOption,
  blockListOption,
  missingOption,
  noWaitOption,
  parseAmount,
  parseBlocks,
  parseCount,
  poolArgument,
  quantityOption,
  type SettlingOptions,
  settleOption,
  settlingOf,
  wholeDay,
} from '../../cli/options.ts';
import {
  type CreateKeyOptions,
  createKeyOption,
  type DestinationContext,
  forceOption,
  keyOptionsOf,
  saveOption,
  saveSeats,
  storeOption,
  storeSeats,
  variableOption,
} from '../../cli/save-options.ts';
import type { ValueOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { type Block, blockNames } from '../../domain/blocks.ts';
import { parseDuration } from '../../domain/duration.ts';
import { usageError } from '../../domain/errors.ts';
import { type BillingCycle, billingCycles } from '../../domain/quote.ts';
import { inWords } from '../../output/text.ts';
import { eventFields } from '../../watch/events.ts';
import { PoolPoller, type WatchTarget } from '../../watch/poll.ts';
import { type Duration, SeatWatch, type WatchContext, type WatchOptions } from '../../watch/watch.ts';

/** The shortest interval between two checks, in milliseconds. It doesn't apply to an API on this machine. */
const shortestInterval = 5000;

/** The blocks as typed. */
interface BlockChoice {
  readonly blocks: readonly Block[];
  /** Whether they must be available together; undefined if neither `any` nor `all` was typed. */
  readonly together?: boolean;
}

interface Flags extends Omit<WatchOptions, 'billingCycle' | keyof KeyOptions>, CreateKeyOptions, SettlingOptions {
  readonly blocks?: BlockChoice;
  readonly allBlocks?: true;
  readonly interval?: Duration;
  readonly billingCycle?: BillingCycle;
}

/** The options of `ci pools watch`. */
export interface Options extends Flags {
  /** Slugs or UUIDs. Empty: ask the user. */
  readonly pools: readonly string[];
}

/** Declares `ci pools watch`, which waits for a seat and can buy it. */
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
    .addArgument(poolArgument('[pool...]', 'Slugs or UUIDs of the pools to watch'))
    .addOption(blockChoiceOption())
    .option('--all-blocks', 'Wait until all of these blocks are available together')
    .option('--interval <duration>', 'Time between two checks, at least 5s (default: 15s)', duration('--interval'))
    .option('--for <duration>', 'Time limit, after which the command exits with code 6', duration('--for'))
    .option('--count <openings>', 'Openings to report before exiting (default: 1)', parseCount('--count'))
    .option('--forever', 'Report openings until interrupted')
    .option('--bell', 'Ring the terminal bell')
    .option('--exec <command>', 'Shell command to run for each opening or purchase')
    .option('--webhook <url>', 'URL to post each opening or purchase to, as JSON')
    .option('--subscribe', 'Buy the first opening, and charge your saved card')
    .addOption(quantityOption())
    .addOption(
      billingCycleOption(
        `With --subscribe, the billing cycle: ${inWords(billingCycles, 'or')} (default: month)`,
      ).default(undefined),
    )
    .option('--max-price <usd>', 'With --subscribe, refuse a charge above this amount', parseAmount('--max-price'))
    .option('--ensure', 'With --subscribe, skip if already covered')
    .option('--again', 'With --subscribe, allow a repeat of a recent purchase')
    .addOption(onlyWithSubscribe(noWaitOption()))
    .addOption(onlyWithSubscribe(settleOption()))
    .addOption(onlyWithSubscribe(createKeyOption()))
    .addOption(storeOption(storeSeats))
    .addOption(saveOption(saveSeats))
    .addOption(variableOption())
    .addOption(forceOption())
    .action((pools: string[], flags: Flags) => execute({ pools, ...flags }, context));
}

/** Waits until a block is available, and reports or buys it. */
export async function run(options: Options, context: WatchContext): Promise<void> {
  context.settling = settlingOf(options);
  const keys = await check(context, options);
  const { prompts } = context;
  if (options.subscribe && !options.ensure) prompts.requireConsent();
  const api = await context.api();
  const interval = await intervalFor(context, options.interval);
  if (options.subscribe) {
    requireLimit(context, options);
    api.client.requireSignedIn();
  }
  const target = await chooseTarget(context, options);
  const { billingCycle = 'month' } = options;
  const poller = await PoolPoller.start({ api, clocks: context.clocks }, target);
  for (const pool of poller.pools) refuseEmailedKeys(keys, pool);
  await new SeatWatch(context, poller, { ...options, ...keys, billingCycle }).run(interval);
}

/** Refuses flags that contradict each other, before the first request. @returns the keys to create */
async function check(context: DestinationContext, options: Flags): Promise<KeyOptions> {
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
    options.store && '--store',
  ].find((flag) => typeof flag === 'string');
  if (only && !subscribe) throw missingOption(only, '--subscribe');
  if (blocks?.together === false && allBlocks) {
    throw usageError("--blocks any and --all-blocks can't be combined", 'Pass one of them.');
  }
  if (count !== undefined && forever) {
    throw usageError("--count and --forever can't be combined", 'Pass one of them.');
  }
  const more = count !== undefined ? '--count' : forever ? '--forever' : undefined;
  if (subscribe && more) {
    throw usageError(
      `--subscribe and ${more} can't be combined`,
      'With --subscribe, the watch ends after one purchase.',
    );
  }
  if (options.ensure && options.again) {
    throw usageError("--ensure and --again can't be combined", 'Pass one of them.');
  }
  if (options.exec?.trim() === '') throw usageError('The --exec command is empty', 'Pass a shell command.');
  if (options.webhook !== undefined) {
    const { parseWebhook } = await import('../../api/webhook.ts');
    parseWebhook(options.webhook);
  }
  return keyOptionsOf(context, options);
}

/** Requires `--max-price` if the user can't be asked. @throws CommandError (input_required) */
function requireLimit({ prompts }: Pick<Context, 'prompts'>, { maxPrice }: Flags): void {
  if (maxPrice !== undefined) return;
  prompts.requirePrompt("Can't ask for the price limit without a terminal. Pass it, such as --max-price 49.");
}

/** Returns the milliseconds between two checks. @throws CommandError (usage) if that is too short for a shared API */
async function intervalFor(context: Pick<Context, 'api'>, typed: Duration | undefined): Promise<number> {
  const milliseconds = typed?.milliseconds ?? 15_000;
  if (milliseconds >= shortestInterval) return milliseconds;
  const { isLoopback } = await import('../../api/host.ts');
  const { client } = await context.api();
  if (isLoopback(client.baseUrl.hostname)) return milliseconds;
  throw usageError(
    `--interval ${typed?.text} is too short`,
    'Pass at least --interval 5s. Only an API on this machine, such as the sandbox, can be checked more often.',
  );
}

/** Returns the pools and blocks to watch, as typed or picked. */
async function chooseTarget(context: WatchContext, options: Options): Promise<WatchTarget> {
  const catalog = new PoolCatalog(context);
  const pools = options.pools.length > 0 ? options.pools.map(checkedPool) : await choosePools(context, catalog);
  const blocks = await chooseBlocks(context, pools[0] ?? '', options.blocks?.blocks, { catalog, onlyAvailable: false });
  const together = options.allBlocks ?? options.blocks?.together ?? false;
  return { pools, blocks, together, quantity: options.quantity };
}

async function choosePools(context: Pick<Context, 'prompts'>, catalog: PoolCatalog): Promise<string[]> {
  const missing = "Can't ask for the pools without a terminal. Pass their slugs. Run `ci pools list` to see the pools.";
  context.prompts.requirePrompt(missing);
  const choices = await poolChoices(context, await catalog.list(), { onlyAvailable: false });
  return context.prompts.pickSeveral('Pools:', choices, missing);
}

/** Says that an option of a purchase needs `--subscribe`. */
function onlyWithSubscribe(option: Option): Option {
  const [initial = '', ...rest] = option.description;
  option.description = `With --subscribe, ${initial.toLowerCase()}${rest.join('')}`;
  return option;
}

/** Creates `--blocks asia,europe`, `--blocks any` and `--blocks all`. */
function blockChoiceOption(): ValueOption {
  const description = `Blocks, separated by commas: ${blockNames.join(', ')}; or \`any\` or \`all\``;
  const option = blockListOption('--blocks <names>', description, [
    { name: 'any', description: 'The first block that opens' },
    wholeDay,
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
