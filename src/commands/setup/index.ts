import { hoursInWords } from '../../domain/coverage.ts';
import { CommandError } from '../../domain/errors.ts';
import { masked } from '../../domain/secrets.ts';
import { factLines, inWords } from '../../output/text.ts';
import { WentBack } from '../../prompts/question.ts';
import type { Verb } from '../command.ts';
import type { Context } from '../context.ts';
import { poolName } from '../pool.ts';
import { account } from './account.ts';
import { blocks, cycle, pool, seats, whatIsThere, workingHours } from './choices.ts';
import { destination } from './destination.ts';
import { key, keyName, proof } from './key.ts';
import { purchase } from './purchase.ts';
import { GoTo, type Step, type Wizard } from './wizard.ts';

export const fields = ['account', 'pool', 'subscriptions', 'keys', 'savedTo', 'commands'] as const;

const steps: readonly Step[] = [
  account,
  whatIsThere,
  pool,
  workingHours,
  blocks,
  seats,
  cycle,
  purchase,
  keyName,
  destination,
  key,
  proof,
];

/** What is done by these stays done: nobody goes back to before them. */
const acts: readonly Step[] = [account, purchase, key];

/** `ci setup`: from nothing to a working key. */
export default function setup(command: Verb, context: Context): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci setup', 'ci setup --sandbox   # try it, no account needed'],
    })
    .action(() => run(context));
}

async function run(context: Context): Promise<void> {
  context.prompts.requireSomebody(
    'setup asks questions, and there is nobody to ask: `ci auth login --with-key`, `ci pools subscribe` and `ci keys create` do the same in a script',
  );
  const wizard: Wizard = { context, prompts: context.prompts.withBack(), done: [] };
  context.output.note(`${context.prompts.backKey} goes back a step. Ctrl-C leaves; what is done by then stays done.\n`);
  try {
    await walk(wizard);
  } catch (error) {
    if (error instanceof CommandError) throw leaving(error, wizard.done);
    throw error;
  }
  await summary(wizard);
}

async function walk(wizard: Wizard): Promise<void> {
  const asked: number[] = [];
  for (let at = 0; at < steps.length; ) {
    const step = steps[at];
    if (!step) return;
    try {
      if ((await step(wizard)) === 'asked') asked.push(at);
      if (acts.includes(step)) asked.length = 0;
      at++;
    } catch (error) {
      if (error instanceof GoTo) at = steps.indexOf(error.step);
      else if (error instanceof WentBack) {
        wizard.context.output.note('Back.');
        at = asked.pop() ?? at;
      } else throw error;
    }
  }
}

/** The failure, with what was done before it. */
function leaving(failure: CommandError, done: readonly string[]): CommandError {
  if (done.length === 0) return failure.with({ hint: failure.hint ?? 'Nothing was changed. `ci setup` begins again.' });
  return failure.with({
    message: `${failure.message.replace(/\.$/, '')}. Done so far: ${inWords(done)}`,
    hint: [failure.hint, '`ci setup` goes on from there.'].filter(Boolean).join(' '),
    outcome: failure.outcome === 'unknown' ? 'unknown' : 'applied',
  });
}

async function summary(wizard: Wizard): Promise<void> {
  const { context, subscriptions = [], keys = [], pool: chosen } = wizard;
  const savedTo = placeOf(wizard);
  const told = {
    account: context.account(),
    pool: chosen ? poolName(chosen) : (subscriptions[0]?.poolSlug ?? null),
    subscriptions: subscriptions.map(({ id }) => id),
    keys: keys.map(({ id, name, apiKey }) => ({ id: id ?? null, name, apiKey: masked(apiKey) })),
    savedTo: savedTo ?? null,
    commands: commandsOf(wizard),
  };
  await context.output.record(told, {
    columns: [
      { field: 'account', header: 'Account', value: (row) => row.account },
      { field: 'pool', header: 'Pool', value: (row) => row.pool },
      { field: 'subscriptions', header: 'Subscriptions', value: (row) => row.subscriptions.join(',') },
      {
        field: 'keys',
        header: 'Keys',
        value: (row) => row.keys.map(({ name, apiKey }) => `${name}=${apiKey}`).join(','),
      },
      { field: 'savedTo', header: 'Saved to', value: (row) => row.savedTo },
      { field: 'commands', header: 'Commands', value: (row) => row.commands.join('; ') },
    ],
    fields,
    drawing: (style, clean) => {
      const [held] = subscriptions;
      const lines: [string, string][] = [
        ['Pool', [clean.pool ?? '', held ? hoursInWords(held) : ''].join(' ')],
        ['Subscription', clean.subscriptions.join(', ')],
        ['Key', clean.keys.map(({ name, apiKey }) => `${name} ${apiKey}`).join(', ')],
        ['Saved to', clean.savedTo ?? ''],
        ['Account', clean.account],
      ];
      const shown = factLines(lines.filter(([, value]) => value !== ''));
      return `\n${style.bold('Done.')}\n${shown}\n\n${style.dim('The same in a script:')}\n${clean.commands.map((line) => `  ${line}\n`).join('')}`;
    },
  });
}

function placeOf({ destination: place, keys = [] }: Wizard): string | undefined {
  if (keys.length === 0 || !place) return undefined;
  if (place.kind === 'dotenv' || place.kind === 'shell') return place.file;
  return place.kind === 'clipboard' ? 'the clipboard' : undefined;
}

/** The same as commands. */
function commandsOf({
  context,
  purchase: bought,
  subscriptions = [],
  keys = [],
  keyName: name,
  destination: place,
}: Wizard): string[] {
  const { sandbox, profile } = context.settings;
  const ci = sandbox.value
    ? 'ci --sandbox'
    : profile.value === 'default'
      ? 'ci'
      : `ci --profile ${quoted(profile.value)}`;
  const [subscription] = subscriptions;
  const save =
    place?.kind === 'dotenv' || place?.kind === 'shell' ? ` --save ${quoted(place.file)}` : ' --secret-only --reveal';
  return [
    ...(sandbox.value ? [] : ['printf %s "$MANAGEMENT_KEY" | ci auth login --with-key']),
    ...(bought ? [`${ci} ${bought}`] : []),
    ...(subscription && keys.length === 1
      ? [`${ci} keys create ${quoted(name ?? '')} --pool ${subscription.poolSlug} --ensure${save}`]
      : []),
  ];
}

/** A word as a shell takes it for one. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
