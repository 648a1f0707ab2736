import type { CreatedKey, CreditKeyRequest } from '../../api/keys.ts';
import { hoursInWords } from '../../domain/coverage.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { type Cents, toUsd } from '../../domain/money.ts';
import { masked } from '../../domain/secrets.ts';
import { checkVariable } from '../../output/dotenv.ts';
import type { Column, Drawing } from '../../output/output.ts';
import { type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';
import { parseAmount, parseCount } from '../options.ts';
import { tellingHowToFindOut } from '../outcome.ts';
import { poolSubscriptions } from '../subscriptions.ts';

export const fields = ['id', 'name', 'apiKey', 'savedTo', 'variable'] as const;

interface Options {
  readonly subscription?: string;
  readonly pool?: string;
  readonly credit?: true;
  readonly maxBudget?: Cents;
  readonly rpm?: number;
  readonly tpm?: number;
  readonly save?: string;
  readonly var?: string;
  readonly secretOnly?: true;
}

/** `ci keys create`: makes an API key; its secret is shown this once. */
export default function create(context: Context): Verb {
  const command = verb('create', 'make an API key; its secret is shown only now', {
    fields,
    changes: true,
    examples: [
      'ci keys create prod-api',
      'ci keys create prod-api --pool kimi26 --save .env',
      'ci keys create client-acme --credit --max-budget 25 --rpm 100',
      'export CHEAPESTINFERENCE_API_KEY="$(ci keys create ci-run --secret-only)"',
    ],
  });
  command
    .argument('[name]', 'what to call it')
    .option('--subscription <id>', 'for this subscription (default: the most recent)')
    .option('--pool <slug>', 'for your subscription on this pool')
    .option('--credit', 'spend the prepaid credit instead of a subscription')
    .option('--max-budget <usd>', 'with --credit: the most it may spend', parseAmount('--max-budget'))
    .option('--rpm <count>', 'with --credit: requests a minute', parseCount('--rpm'))
    .option('--tpm <count>', 'with --credit: tokens a minute', parseCount('--tpm'))
    .option('--save <file>', 'write the secret to this dotenv file, and print it nowhere')
    .option('--var <name>', 'with --save: the variable (default: CHEAPESTINFERENCE_API_KEY)')
    .option('--secret-only', 'print the secret and nothing else')
    .action((name: string | undefined, options: Options) => createKey(context, name, options));
  return command;
}

async function createKey(context: Context, typed: string | undefined, options: Options): Promise<void> {
  check(typed, options);
  const name =
    typed === undefined && options.credit
      ? await context.prompts.text(
          'What shall the key be called?',
          'a credit key needs a name: `ci keys create NAME --credit`',
        )
      : typed;
  const variable = checkVariable(options.var ?? 'CHEAPESTINFERENCE_API_KEY');
  const subscriptionId =
    options.pool === undefined ? options.subscription : await subscriptionOn(context, options.pool);
  const { keys } = await context.api();
  const dotenv = options.save === undefined ? undefined : await context.openDotenv(options.save);
  let key: CreatedKey;
  try {
    key = await tellingHowToFindOut(
      name !== undefined && options.credit
        ? keys.createForCredit(creditRequest(name, options))
        : keys.createForSubscription({ name, subscriptionId }),
      'ci keys list',
    );
  } catch (error) {
    await dotenv?.discard();
    throw error;
  }
  if (dotenv) {
    await dotenv.set(variable, key.apiKey).catch((error: unknown) => {
      if (!(error instanceof CommandError)) throw error;
      const id = key.id ?? name ?? 'the newest';
      throw error.with({
        outcome: 'applied',
        hint: `The key ${id} was made, and its secret is lost: revoke it with \`ci keys delete ${id}\` and make another.`,
      });
    });
    const saved = { ...key, apiKey: masked(key.apiKey), savedTo: dotenv.file, variable };
    await context.output.record(saved, { columns: [...columns, ...savedColumns], fields });
    return;
  }
  if (options.secretOnly) return context.output.line(key.apiKey);
  await context.output.list([key], { columns, fields, empty: '', drawing }, key);
}

/** Refuses flags that contradict each other, before anything is sent. */
function check(name: string | undefined, options: Options): void {
  if (name?.trim() === '') throw usageError('the name of the key is empty');
  if (options.subscription?.trim() === '')
    throw usageError('--subscription is empty', '`ci pools subscriptions` shows their ids.');
  const targets = [
    options.subscription && '--subscription',
    options.pool !== undefined && '--pool',
    options.credit && '--credit',
  ];
  const [first, second] = targets.filter((flag) => typeof flag === 'string');
  if (first && second) throw usageError(`${first} and ${second} exclude each other`);
  const budget =
    options.maxBudget !== undefined ? '--max-budget' : options.rpm ? '--rpm' : options.tpm ? '--tpm' : undefined;
  if (budget && !options.credit) throw usageError(`${budget} goes with --credit`);
  if (options.var !== undefined && options.save === undefined) throw usageError('--var goes with --save');
  if (options.save !== undefined && options.secretOnly) throw usageError('--save and --secret-only exclude each other');
  if (options.save?.trim() === '') throw usageError('--save is empty', 'Name a dotenv file: --save .env');
}

function creditRequest(name: string, { maxBudget, rpm, tpm }: Options): CreditKeyRequest {
  return { name, maxBudget: maxBudget === undefined ? undefined : toUsd(maxBudget), rpm, tpm };
}

/** My subscription on a pool: the only one, or of several the only one without a key. */
async function subscriptionOn(context: Context, pool: string): Promise<string> {
  if (pool.trim() === '') throw usageError('the name of the pool is empty', '`ci pools list` shows the pools.');
  const active = (await poolSubscriptions(context, pool)).filter(({ status }) => status === 'active');
  const withoutKey = active.filter(({ key }) => !key);
  const candidates = active.length > 1 && withoutKey.length > 0 ? withoutKey : active;
  const [first, second] = candidates;
  if (!first) {
    throw new CommandError('unavailable', `you have no active subscription on ${pool}`, {
      hint: `\`ci pools subscribe ${pool}\` makes one; \`ci pools subscriptions\` shows what you have.`,
      outcome: 'not_applied',
    });
  }
  if (!second) return first.id;
  const choices = candidates.map((each) => ({ name: `${each.id}  ${hoursInWords(each)}`, value: each.id }));
  return context.prompts.pick(
    'For which subscription?',
    choices,
    `you have ${candidates.length} subscriptions on ${pool}; name one with --subscription: ${candidates.map(({ id }) => id).join(', ')}`,
  );
}

const columns: readonly Column<CreatedKey>[] = [
  { field: 'id', header: 'ID', value: ({ id }) => id },
  { field: 'name', header: 'Name', value: ({ name }) => name },
  { field: 'apiKey', header: 'Key', value: ({ apiKey }) => apiKey },
];

const savedColumns: readonly Column<CreatedKey & { savedTo: string; variable: string }>[] = [
  { field: 'savedTo', header: 'Saved to', value: ({ savedTo }) => savedTo },
  { field: 'variable', header: 'Variable', value: ({ variable }) => variable },
];

/** A new key for a person, its secret alone on a line. */
const drawing: Drawing<readonly CreatedKey[]> = (style, created) =>
  created
    .map(
      ({ id, name, apiKey }) =>
        `${style.bold(name ?? 'API key')}  ${style.dim(id ?? '')}\n\n${apiKey}\n\n${style.dim('Keep it now: it is shown only once.')}\n`,
    )
    .join('\n');
