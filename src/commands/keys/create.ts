import { awaitEarlier, openIntents } from '../../account/changes/earlier.ts';
import { createKey, type KeyContext, type KeyRequest, keyIntent } from '../../account/keys/create.ts';
import { keyLabel, secretOf, severalNamed } from '../../account/keys/find.ts';
import { createAndDeliver, deliverExisting } from '../../account/secrets/delivery.ts';
import type { Description, Destination } from '../../account/secrets/destination.ts';
import { keyByMail, poolSubscriptions, subscriptionChoices } from '../../account/subscriptions.ts';
import type { CreatedKey, Key } from '../../api/keys.ts';
import {
  noWaitOption,
  parseAmount,
  parseCount,
  type SettlingOptions,
  settleOption,
  settlingOf,
} from '../../cli/options.ts';
import { destinationOf, forceOption, type SaveOptions, saveOption, variableOption } from '../../cli/save-options.ts';
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

interface Flags extends SaveOptions, SettlingOptions {
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
  /** Undefined: the API chooses one; for a credit key, ask. */
  readonly name: string | undefined;
}

/** `ci keys create`: creates an API key, and shows its secret this once. */
export default function create(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: [
        'ci keys create prod-api',
        'ci keys create prod-api --pool kimi26 --save .env --ensure',
        'ci keys create client-acme --credit --max-budget 25 --rpm 100',
        'export CHEAPESTINFERENCE_API_KEY="$(ci keys create ci-run --secret-only)"',
      ],
    })
    .argument('[name]', 'its name')
    .addOption(
      new ValueOption(
        '--subscription <id>',
        'for this subscription (default: the most recent)',
        namesOf('subscriptions'),
      ),
    )
    .addOption(new ValueOption('--pool <slug>', 'for your subscription on this pool', namesOf('pools')))
    .option('--credit', 'spend the prepaid credit instead of a subscription')
    .option('--max-budget <usd>', 'with --credit: the most it may spend', parseAmount('--max-budget'))
    .option('--rpm <count>', 'with --credit: requests per minute', parseCount('--rpm'))
    .option('--tpm <count>', 'with --credit: tokens per minute', parseCount('--tpm'))
    .addOption(saveOption())
    .addOption(variableOption())
    .addOption(forceOption())
    .option('--secret-only', 'print the secret and nothing else')
    .option('--ensure', 'do nothing if a key of that name exists')
    .option('--reveal', 'with --ensure: show the secret of an existing key')
    .option('--again', "create the key even if an earlier one of that name hasn't settled")
    .addOption(noWaitOption())
    .addOption(settleOption())
    .action((name: string | undefined, flags: Flags) => execute({ name, ...flags }, context));
}

/** Creates a key, or with `--ensure` finds it, and delivers its secret. */
export async function run(options: Options, context: KeyContext): Promise<void> {
  context.settling = settlingOf(options);
  checkOptions(options);
  const destination = await destinationOf(context, options);
  const show: ShowOptions = { destination, secretOnly: options.secretOnly, reveal: options.reveal };
  const name =
    options.name === undefined && options.credit
      ? await context.prompts.text('Key name:', 'a credit key needs a name: `ci keys create NAME --credit`')
      : options.name;
  const subscriptionId =
    options.pool === undefined ? options.subscription : await subscriptionOn(context, options.pool, name);
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
    create: (keep) => createKey(context, request, keep, earlier),
    print: (key, saved) =>
      saved
        ? printSaved(context, key, saved)
        : printKey(context, key, { secretOnly, title: 'API key, shown only this once' }),
  });
}

/** Returns the active key of that name, type and subscription. @throws CommandError (usage) if there are several */
async function keyNamed(context: Pick<Context, 'api'>, name: string, intent: KeyIntent): Promise<Key | undefined> {
  const { keys } = await context.api();
  const found = (await keys.list()).filter((key) => key.isActive !== false && couldBe(intent, key));
  if (found.length > 1) throw severalNamed(name, found);
  return found[0];
}

/** Shows an existing key. Delivers its secret only if `--save` or `--reveal` asks for it. */
async function showExisting(
  context: Pick<Context, 'api' | 'output' | 'world'>,
  key: Key,
  { destination, secretOnly, reveal }: ShowOptions,
): Promise<void> {
  const { id, name } = key;
  if (secretOnly && !reveal) {
    throw usageError('--secret-only would show the secret of a key that was there before', 'Add --reveal to have it.');
  }
  if (!destination && !reveal) {
    const apiKey = key.apiKey ? masked(key.apiKey) : '';
    return context.output.record({ id, name, apiKey }, { columns, fields });
  }
  const apiKey = await secretOf(await context.api(), key);
  if (apiKey === undefined) {
    throw new CommandError(
      'unavailable',
      `the key ${keyLabel(key)} is there, and the API does not show its secret again`,
      {
        hint: `To have a new one: \`ci keys delete ${id}\`, then run this again.`,
        outcome: 'not_applied',
      },
    );
  }
  await deliverExisting(context, destination, { id, name, apiKey }, (shown, saved) =>
    saved ? printSaved(context, shown, saved) : printKey(context, shown, { secretOnly, title: 'API key' }),
  );
}

/** Prints a key, masked, and where its secret went. */
async function printSaved({ output }: Pick<Context, 'output'>, key: CreatedKey, saved: Description): Promise<void> {
  const { savedTo = null, variables = [] } = saved;
  const shown = { ...key, apiKey: masked(key.apiKey), savedTo, variable: variables[0] ?? null };
  await output.record(shown, { columns: [...columns, ...savedColumns], fields });
}

/** @param title - what the secret is, for a person */
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

/** Refuses flags that contradict each other, before anything is sent. */
function checkOptions(options: Options): void {
  const { name } = options;
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
  if (options.save !== undefined && options.secretOnly) throw usageError('--save and --secret-only exclude each other');
  if (options.ensure && name === undefined) {
    throw usageError('--ensure needs a name for the key', 'Name it: `ci keys create NAME --ensure`.');
  }
  if (options.reveal && !options.ensure) throw usageError('--reveal goes with --ensure');
}

function creditRequest(name: string, { maxBudget, rpm, tpm }: Options): KeyRequest {
  return { credit: true, name, maxBudget: maxBudget === undefined ? undefined : toUsd(maxBudget), rpm, tpm };
}

/** Returns my subscription on a pool: that of an earlier, still open request, the only one, or the only one without a key. */
async function subscriptionOn(context: KeyContext, pool: string, name: string | undefined): Promise<string> {
  if (pool.trim() === '') throw usageError('the name of the pool is empty', '`ci pools list` shows the pools.');
  const mine = await poolSubscriptions(context, pool);
  const active = mine.filter(({ status }) => status === 'active');
  const earlier = (await openIntents(context, 'create-key')).filter((each) => each.name === name);
  const meant = active.find(({ id }) => earlier.some(({ subscriptionId }) => subscriptionId === id));
  if (meant) return meant.id;
  const withoutKey = active.filter(({ key }) => !key);
  const candidates = active.length > 1 && withoutKey.length > 0 ? withoutKey : active;
  const [first, second] = candidates;
  if (!first && mine.some(({ status }) => status === 'pending_key')) {
    throw new CommandError('unavailable', `no key can be created for your subscription on ${pool}`, {
      hint: keyByMail,
      outcome: 'not_applied',
    });
  }
  if (!first) {
    throw new CommandError('unavailable', `you have no active subscription on ${pool}`, {
      hint: `\`ci pools subscribe ${pool}\` creates one; \`ci pools subscriptions\` shows what you have.`,
      outcome: 'not_applied',
    });
  }
  if (!second) return first.id;
  const missing = `you have ${candidates.length} subscriptions on ${pool}; name one with --subscription: ${candidates.map(({ id }) => id).join(', ')}`;
  context.prompts.requireSomebody(missing);
  const choices = await subscriptionChoices(context, candidates);
  return (await context.prompts.search('For which subscription?', choices, missing)).id;
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
