import type { CreateKeysContext } from '../../account/bulk/create-keys.ts';
import { awaitEarlier } from '../../account/changes/earlier.ts';
import { checkedPool } from '../../account/choose-pool.ts';
import { createKey, type KeyContext, type KeyRequest, keyIntent } from '../../account/keys/create.ts';
import { keyLabel, secretOf, severalNamed } from '../../account/keys/find.ts';
import { askKeyName } from '../../account/keys/key-name.ts';
import { subscriptionForKey } from '../../account/keys/subscription.ts';
import { PoolCatalog } from '../../account/pool-catalog.ts';
import { createAndDeliver, deliverExisting } from '../../account/secrets/delivery.ts';
import type { Description, Destination } from '../../account/secrets/destination.ts';
import { keyStoreOf, type StoreContext } from '../../account/stored-keys/store.ts';
import { expandSubscription } from '../../account/subscriptions.ts';
import type { CreatedKey, Key } from '../../api/keys.ts';
import {
  type BulkFlags,
  concurrencyOption,
  defaultConcurrency,
  failedOption,
  fromOption,
  rateOption,
  refuseBulkOptions,
  refuseWithFrom,
  saveToOption,
} from '../../cli/bulk-options.ts';
import { refuseSecret } from '../../cli/key-name.ts';
import {
  missingOption,
  noWaitOption,
  parseAmount,
  parseCount,
  type SettlingOptions,
  settleOption,
  settlingOf,
} from '../../cli/options.ts';
import {
  destinationOf,
  forceOption,
  type SaveOptions,
  saveOption,
  storeOption,
  toOption,
  variableOption,
} from '../../cli/save-options.ts';
import { namesOf, ValueOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { type Cents, toUsd } from '../../domain/money.ts';
import { couldBe, type KeyIntent } from '../../domain/reconcile.ts';
import { masked } from '../../domain/secrets.ts';
import { framed } from '../../output/frame.ts';
import type { Column, Drawing } from '../../output/output.ts';

export const fields = ['id', 'name', 'apiKey', 'savedTo', 'variable'] as const;

/** The fields of the result with `--from`. */
const summaryFields = [
  ...([
    'rows',
    'created',
    'found',
    'recreated',
    'existing',
    'failed',
    'elsewhere',
    'savedTo',
    'failures',
    'seconds',
  ] as const),
];

interface Flags extends SaveOptions, SettlingOptions, BulkFlags {
  readonly subscription?: string;
  readonly pool?: string;
  readonly credit?: true;
  readonly maxBudget?: Cents;
  readonly rpm?: number;
  readonly tpm?: number;
  readonly secretOnly?: true;
  readonly ensure?: true;
  readonly reveal?: true;
}

/** Which key `ci keys create` creates, and how it shows it. */
export interface Options extends Flags {
  /** Undefined: ask. If it can't prompt, the API chooses one, and a credit key can't be created. */
  readonly name: string | undefined;
}

/** Declares `ci keys create`, which creates an API key. */
export default function create(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields: [...new Set([...fields, ...summaryFields])],
      changes: true,
      examples: [
        'ci keys create prod-api',
        'ci keys create prod-api --pool kimi26 --save .env --ensure',
        'ci keys create client-acme --credit --max-budget 25 --rpm 100',
        'ci keys create deploy --to github:acme/api@production',
        'export CHEAPESTINFERENCE_API_KEY="$(ci keys create ci-run --secret-only)"',
        'ci keys create --from customers.csv --save-to secrets.ndjson --yes',
      ],
    })
    .argument('[name]', 'Name of the key')
    .addOption(
      new ValueOption(
        '--subscription <id>',
        'Create the key for this subscription (default: the most recent)',
        namesOf('subscriptions'),
      ),
    )
    .addOption(new ValueOption('--pool <slug>', 'Create the key for your subscription on this pool', namesOf('pools')))
    .option('--credit', 'Use prepaid credit instead of a subscription')
    .option('--max-budget <usd>', 'With --credit, the spending limit of the key', parseAmount('--max-budget'))
    .option('--rpm <count>', 'With --credit, the requests per minute', parseCount('--rpm'))
    .option('--tpm <count>', 'With --credit, the tokens per minute', parseCount('--tpm'))
    .addOption(storeOption())
    .addOption(saveOption())
    .addOption(toOption())
    .addOption(variableOption('--save or --to'))
    .addOption(forceOption('--save or --to'))
    .option('--secret-only', 'Print only the secret')
    .option('--ensure', 'Skip if a key with this name already exists')
    .option('--reveal', 'With --ensure, show the secret of an existing key')
    .option('--again', "Create the key even if an earlier one with this name hasn't settled")
    .addOption(noWaitOption())
    .addOption(settleOption())
    .addOption(fromOption('Create the keys of this CSV or NDJSON file'))
    .addOption(saveToOption())
    .addOption(failedOption())
    .addOption(concurrencyOption())
    .addOption(rateOption())
    .action((name: string | undefined, flags: Flags) => execute({ name, ...flags }, context));
}

/** Creates a key, or with `--ensure` finds it, and delivers its secret. */
export async function run(options: Options, context: CreateKeysContext): Promise<void> {
  context.settling = settlingOf(options);
  if (options.from !== undefined) return createFromFile(options, options.from, context);
  context.output.checkFields(fields);
  refuseBulkOptions(options);
  checkOptions(options);
  const destination = await destinationOf(context, options);
  const show: ShowOptions = { destination, secretOnly: options.secretOnly, reveal: options.reveal };
  const name = options.name ?? (await missingName(context, options));
  const subscriptionId = await subscriptionIdOf(context, options, name);
  const request: KeyRequest =
    options.credit && name !== undefined ? creditRequest(name, options) : { name, subscriptionId };
  if (!options.ensure || name === undefined) return createNew(context, request, show);
  await context.record.exclusively('keys', async () => {
    // An earlier request created this key, but its secret was never delivered. This command adopts it.
    const earlier = await awaitEarlier(context, { action: 'create-key', intent: keyIntent(request) });
    if (earlier) return createNew(context, request, show, earlier.found);
    const existing = await keyNamed(context, name, keyIntent(request));
    if (!existing) return createNew(context, request, show);
    context.output.note(`Key "${name}" already exists. Nothing was created.`);
    await showExisting(context, existing, show);
  });
}

/** Creates the keys of a file. */
async function createFromFile(options: Options, from: string, context: CreateKeysContext & KeyContext): Promise<void> {
  context.output.checkFields(summaryFields);
  const { name, subscription, pool, credit, maxBudget, rpm, tpm, secretOnly, ensure, reveal, save, store, to } =
    options;
  refuseWithFrom({
    'a name': name,
    '--subscription': subscription,
    '--pool': pool,
    '--credit': credit,
    '--max-budget': maxBudget,
    '--rpm': rpm,
    '--tpm': tpm,
    '--secret-only': secretOnly,
    '--ensure': ensure,
    '--reveal': reveal,
    '--save': save,
    '--store': store,
    '--to': to?.length ? to : undefined,
    '--again': options.again,
    '--no-wait': options.wait === false || undefined,
    '--settle': options.settle,
  });
  const { saveTo, failed, concurrency = defaultConcurrency, rate, var: variable, force } = options;
  const { createKeys } = await import('../../account/bulk/create-keys.ts');
  const { destinationOfRow } = await import('../../account/secrets/parse-destination.ts');
  return createKeys(context, {
    from,
    saveTo,
    failed,
    concurrency,
    rate,
    destinationOf: async (text, replaces) => destinationOfRow(context, text, { variable, force: force || replaces }),
  });
}

/** Returns a name if the user can be asked for one. Only a credit key needs one. */
async function missingName(context: KeyContext, { credit }: Options): Promise<string | undefined> {
  if (!credit && !context.prompts.canAsk) return undefined;
  return askKeyName(
    context,
    "Can't ask for the key name without a terminal. Pass a name: `ci keys create NAME --credit`.",
  );
}

/** How to show a key, and where its secret goes. */
interface ShowOptions {
  readonly destination: Destination | undefined;
  readonly secretOnly: true | undefined;
  readonly reveal: true | undefined;
}

/** Creates a key and delivers its secret. @param earlier - the key that an earlier request for the same created */
async function createNew(
  context: KeyContext,
  request: KeyRequest,
  { destination, secretOnly }: ShowOptions,
  earlier?: Key,
): Promise<void> {
  const api = await context.api();
  api.client.requireSignedIn();
  await createAndDeliver(context, {
    destination,
    create: (keep) => createKey(context, request, keep, { earlier }).catch(sayWhereIdsAre),
    print: async (key, saved) => {
      if (saved) await printSaved(context, key, saved);
      else await printKey(context, key, { secretOnly, title: 'API key: save it now' });
    },
  });
  const { output } = context;
  const saved = destination?.describe(1);
  // An example needs the secret on this machine.
  if (!output.isForPeople || secretOnly || (saved && saved.dotenvFile === undefined && !saved.isStored)) return;
  const { callExample } = await import('../../account/keys/call-example.ts');
  output.note(`\n${callExample(context, { saved, name: request.name }, output.width)}`);
}

/** Rethrows an error. If the API doesn't know the subscription, the error says which command shows the IDs. */
function sayWhereIdsAre(error: unknown): never {
  if (error instanceof CommandError && error.code === 'not_found') {
    throw error.with({ hint: error.hint ?? 'Run `ci pools subscriptions` to see the IDs.' });
  }
  throw error;
}

/** Returns the active key of that name, type and subscription. @throws CommandError (usage) if there are several */
async function keyNamed(context: Pick<Context, 'api'>, name: string, intent: KeyIntent): Promise<Key | undefined> {
  const { keys } = await context.api();
  const found = (await keys.list()).filter((key) => key.isActive !== false && couldBe(intent, key));
  if (found.length > 1) throw severalNamed(name, found);
  return found[0];
}

/** Shows an existing key. Delivers its secret only if `--save`, `--to` or `--reveal` asks for it. */
async function showExisting(
  context: Pick<Context, 'api' | 'output'> & StoreContext,
  key: Key,
  { destination, secretOnly, reveal }: ShowOptions,
): Promise<void> {
  const { id, name } = key;
  if (secretOnly && !reveal) {
    throw usageError('--secret-only would show the secret of an existing key', 'Pass --reveal to confirm.');
  }
  if (!destination && !reveal) {
    const apiKey = key.apiKey ? masked(key.apiKey) : '';
    return context.output.record({ id, name, apiKey }, { columns, fields });
  }
  const apiKey = (await secretOf(await context.api(), key)) ?? (await storedSecret(context, id));
  if (apiKey === undefined) {
    throw new CommandError('unavailable', `Key ${keyLabel(key)} exists, but the API doesn't show its secret again`, {
      hint: `Run \`ci keys delete ${id}\` to revoke it, then run this command again to create another.`,
      outcome: 'not_applied',
    });
  }
  const { subscriptionId } = key;
  const shown = { id, name, apiKey };
  await deliverExisting(context, destination, { ...shown, subscriptionId }, (_key, saved) =>
    saved ? printSaved(context, shown, saved) : printKey(context, shown, { secretOnly, title: 'API key' }),
  );
}

/** Returns the secret of a key that is stored on this machine. */
async function storedSecret(context: StoreContext, id: string): Promise<string | undefined> {
  const store = await keyStoreOf(context);
  const stored = store.list().find((each) => each.id === id);
  return stored && store.secretOf(stored);
}

/** Prints a key with its secret masked, and where the secret is, unless the secret was printed as the result. */
async function printSaved({ output }: Pick<Context, 'output'>, key: CreatedKey, saved: Description): Promise<void> {
  if (saved.isResult) return;
  const { savedTo = null, variables = [] } = saved;
  const shown = { ...key, apiKey: masked(key.apiKey), savedTo, variable: variables[0] ?? null };
  await output.record(shown, { columns: [...columns, ...savedColumns], fields });
}

/** Prints a key with its secret. @param title - of the frame around the secret, for people */
async function printKey(
  { output }: Pick<Context, 'output'>,
  key: CreatedKey,
  { secretOnly, title }: { readonly secretOnly: true | undefined; readonly title: string },
): Promise<void> {
  if (secretOnly) return output.line(key.apiKey);
  const drawing: Drawing<readonly CreatedKey[]> = (style, [shown = key]) => {
    const name = `${style.bold(shown.name ?? 'API key')}  ${style.dim(shown.id ?? '')}`.trimEnd();
    return `${name}\n\n${framed(shown.apiKey, title, style, output.width)}`;
  };
  await output.list([key], { columns, fields, empty: '', drawing }, key);
}

/** Refuses options that contradict each other, before anything is sent. @throws CommandError (usage) */
function checkOptions(options: Options): void {
  const { name } = options;
  if (name?.trim() === '') throw usageError('The key name is empty', 'Pass a name.');
  refuseSecret(name);
  if (options.subscription?.trim() === '')
    throw usageError('--subscription is empty', 'Run `ci pools subscriptions` to see the IDs.');
  const targets = [
    options.subscription && '--subscription',
    options.pool !== undefined && '--pool',
    options.credit && '--credit',
  ];
  const [first, second] = targets.filter((flag) => typeof flag === 'string');
  if (first && second) throw usageError(`${first} and ${second} can't be combined`, 'Pass one of them.');
  const budget =
    options.maxBudget !== undefined ? '--max-budget' : options.rpm ? '--rpm' : options.tpm ? '--tpm' : undefined;
  if (budget && !options.credit) throw missingOption(budget, '--credit');
  const place =
    options.save !== undefined ? '--save' : options.to?.length ? '--to' : options.store ? '--store' : undefined;
  if (place && options.secretOnly)
    throw usageError(`${place} and --secret-only can't be combined`, 'Pass one of them.');
  if (options.ensure && name === undefined) {
    throw usageError('--ensure needs the name of the key', 'Run `ci keys create NAME --ensure`.');
  }
  if (options.reveal && !options.ensure) throw missingOption('--reveal', '--ensure');
}

function creditRequest(name: string, { maxBudget, rpm, tpm }: Options): KeyRequest {
  return { credit: true, name, maxBudget: maxBudget === undefined ? undefined : toUsd(maxBudget), rpm, tpm };
}

/** Returns the subscription that the key is for; undefined: the API chooses one, or the key is for credit. */
async function subscriptionIdOf(
  context: KeyContext,
  { pool, subscription }: Options,
  name: string | undefined,
): Promise<string | undefined> {
  if (pool !== undefined)
    return subscriptionForKey(context, await new PoolCatalog(context).expand(checkedPool(pool)), name);
  return subscription === undefined ? undefined : expandSubscription(context, subscription);
}

const columns: readonly Column<CreatedKey>[] = [
  { field: 'id', header: 'ID', value: ({ id }) => id },
  { field: 'name', header: 'Name', value: ({ name }) => name },
  { field: 'apiKey', header: 'Key', value: ({ apiKey }) => apiKey },
];

const savedColumns: readonly Column<{ readonly savedTo: string | null; readonly variable: string | null }>[] = [
  { field: 'savedTo', header: 'Saved to', value: ({ savedTo }) => savedTo },
  { field: 'variable', header: 'Variable', value: ({ variable }) => variable },
];
