import { awaitEarlier, openIntents } from '../../account/changes/earlier.ts';
import { intentOf, type KeyRequest, makeKey } from '../../account/keys/create.ts';
import { keyLabel, secretOf, severalNamed } from '../../account/keys/find.ts';
import { makeAndDeliver } from '../../account/secrets/delivery.ts';
import { openDotenv } from '../../account/secrets/dotenv.ts';
import { checkSaving, type Saved, type Saving, savedIn, variableOf } from '../../account/secrets/saving.ts';
import { keyByMail, poolSubscriptions, subscriptionChoices } from '../../account/subscriptions.ts';
import type { CreatedKey, Key } from '../../api/keys.ts';
import {
  noWaitOption,
  parseAmount,
  parseCount,
  type SettlingOptions,
  saveOption,
  settleOption,
  settlingOf,
  variableOption,
} from '../../cli/options.ts';
import { namesOf, ValueOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { type Cents, toUsd } from '../../domain/money.ts';
import { couldBe, type KeyIntent } from '../../domain/reconcile.ts';
import { masked } from '../../domain/secrets.ts';
import type { Dotenv } from '../../output/dotenv.ts';
import { framed } from '../../output/frame.ts';
import type { Column, Drawing } from '../../output/output.ts';
import { maskInLog } from '../../output/workflow-commands.ts';

export const fields = ['id', 'name', 'apiKey', 'savedTo', 'variable'] as const;

interface Options extends Saving, SettlingOptions {
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

/** `ci keys create`: makes an API key; its secret is shown this once. */
export default function create(command: Verb, context: Context): void {
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
    .argument('[name]', 'what to call it')
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
    .option('--rpm <count>', 'with --credit: requests a minute', parseCount('--rpm'))
    .option('--tpm <count>', 'with --credit: tokens a minute', parseCount('--tpm'))
    .addOption(saveOption())
    .addOption(variableOption())
    .option('--secret-only', 'print the secret and nothing else')
    .option('--ensure', 'do nothing when a key of that name is there already')
    .option('--reveal', 'with --ensure: show the secret of a key that is there')
    .option('--again', "create the key even if an earlier one of that name hasn't settled")
    .addOption(noWaitOption())
    .addOption(settleOption())
    .action((name: string | undefined, options: Options) => {
      context.settling = settlingOf(options);
      return createKey(context, name, options);
    });
}

async function createKey(context: Context, typed: string | undefined, options: Options): Promise<void> {
  await check(typed, options);
  const name =
    typed === undefined && options.credit
      ? await context.prompts.text(
          'What shall the key be called?',
          'a credit key needs a name: `ci keys create NAME --credit`',
        )
      : typed;
  const subscriptionId =
    options.pool === undefined ? options.subscription : await subscriptionOn(context, options.pool, name);
  const request: KeyRequest =
    options.credit && name !== undefined ? creditRequest(name, options) : { name, subscriptionId };
  if (!options.ensure || name === undefined) return mint(context, request, options);
  await context.record.exclusively('keys', async () => {
    // An earlier request created this key, but its secret was never delivered. This command adopts it.
    const earlier = await awaitEarlier(context, { action: 'create-key', intent: intentOf(request) });
    if (earlier) return mint(context, request, options, earlier.found);
    const there = await keyNamed(context, name, intentOf(request));
    if (!there) return mint(context, request, options);
    context.output.note(`The key "${name}" is there already: none was made.`);
    await tellThere(context, there, options);
  });
}

/** Creates a key and delivers its secret. @param earlier - the key that an earlier request for the same created */
async function mint(context: Context, request: KeyRequest, options: Options, earlier?: Key): Promise<void> {
  const api = await context.api();
  api.client.requireSignedIn();
  const dotenv = options.save === undefined ? undefined : await openDotenv(context, options.save);
  let written = false;
  try {
    const key = await makeAndDeliver(context, {
      make: (hold) => makeKey(context, request, hold, earlier),
      deliver: async (made) => {
        if (!dotenv) return printKey(context, made, options, 'API key, shown only this once');
        written = true;
        await dotenv.set(variableOf(options), made.apiKey);
      },
    });
    if (dotenv) await printSaved(context, key, dotenv, options);
  } finally {
    if (!written) await dotenv?.discard();
  }
}

/** The key of that name that works, with the type and subscription asked for. @throws CommandError (usage) when there are several */
async function keyNamed(context: Context, name: string, intent: KeyIntent): Promise<Key | undefined> {
  const { keys } = await context.api();
  const found = (await keys.list()).filter((key) => key.isActive !== false && couldBe(intent, key));
  if (found.length > 1) throw severalNamed(name, found);
  return found[0];
}

/** Tells of a key that was there before: its secret goes into a file, or where it is asked for by name. */
async function tellThere(context: Context, key: Key, options: Options): Promise<void> {
  const { save, secretOnly, reveal } = options;
  const wanted = save !== undefined || reveal === true;
  if (secretOnly && !reveal) {
    throw usageError('--secret-only would show the secret of a key that was there before', 'Add --reveal to have it.');
  }
  const apiKey = wanted ? await secretOf(await context.api(), key) : undefined;
  if (wanted && apiKey === undefined) {
    throw new CommandError(
      'unavailable',
      `the key ${keyLabel(key)} is there, and the API does not show its secret again`,
      {
        hint: `To have a new one: \`ci keys delete ${key.id}\`, then run this again.`,
        outcome: 'not_applied',
      },
    );
  }
  if (apiKey !== undefined) maskInLog(context.world, [apiKey]);
  if (apiKey !== undefined && save !== undefined) {
    const dotenv = await openDotenv(context, save);
    await dotenv.set(variableOf(options), apiKey);
    return printSaved(context, { id: key.id, name: key.name, apiKey }, dotenv, options);
  }
  if (apiKey !== undefined) return printKey(context, { id: key.id, name: key.name, apiKey }, options);
  const shown = key.apiKey ? masked(key.apiKey) : '';
  await context.output.record({ id: key.id, name: key.name, apiKey: shown }, { columns, fields });
}

async function printSaved(context: Context, key: CreatedKey, dotenv: Dotenv, options: Options): Promise<void> {
  const warning = await dotenv.gitWarning();
  if (warning !== undefined) context.output.note(warning);
  const saved = { ...key, apiKey: masked(key.apiKey), ...savedIn(dotenv, options) };
  await context.output.record(saved, { columns: [...columns, ...savedColumns], fields });
}

/** @param title - what the secret is, for a person */
async function printKey(
  { output }: Context,
  key: CreatedKey,
  { secretOnly }: Options,
  title = 'API key',
): Promise<void> {
  if (secretOnly) return output.line(key.apiKey);
  const drawing: Drawing<readonly CreatedKey[]> = (style, [shown = key]) => {
    const name = `${style.bold(shown.name ?? 'API key')}  ${style.dim(shown.id ?? '')}`.trimEnd();
    return `${name}\n\n${framed(shown.apiKey, title, style, output.width)}`;
  };
  await output.list([key], { columns, fields, empty: '', drawing }, key);
}

/** Refuses flags that contradict each other, before anything is sent. */
async function check(name: string | undefined, options: Options): Promise<void> {
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
  await checkSaving(options);
}

function creditRequest(name: string, { maxBudget, rpm, tpm }: Options): KeyRequest {
  return { credit: true, name, maxBudget: maxBudget === undefined ? undefined : toUsd(maxBudget), rpm, tpm };
}

/** Returns my subscription on a pool: that of an earlier, still open request, the only one, or the only one without a key. */
async function subscriptionOn(context: Context, pool: string, name: string | undefined): Promise<string> {
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
    throw new CommandError('unavailable', `no key can be made for your subscription on ${pool}`, {
      hint: keyByMail,
      outcome: 'not_applied',
    });
  }
  if (!first) {
    throw new CommandError('unavailable', `you have no active subscription on ${pool}`, {
      hint: `\`ci pools subscribe ${pool}\` makes one; \`ci pools subscriptions\` shows what you have.`,
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

const savedColumns: readonly Column<CreatedKey & Saved>[] = [
  { field: 'savedTo', header: 'Saved to', value: ({ savedTo }) => savedTo },
  { field: 'variable', header: 'Variable', value: ({ variable }) => variable },
];
