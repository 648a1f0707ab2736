import { checkedPool } from '../account/choose-pool.ts';
import type { KeyContext, KeyRequest } from '../account/keys/create.ts';
import { onlySubscription, subscriptionForKey } from '../account/keys/subscription.ts';
import { temporaryName, withTemporaryKey } from '../account/keys/temporary.ts';
import { PoolCatalog } from '../account/pool-catalog.ts';
import { chooseKey } from '../account/stored-keys/choose.ts';
import { originOfApi } from '../account/stored-keys/store.ts';
import { expandSubscription } from '../account/subscriptions.ts';
import { apiFormatOption, keyOption, keyPoolOption } from '../cli/key-options.ts';
import { missingOption, parseAmount } from '../cli/options.ts';
import { namesOf, ValueOption } from '../cli/values.ts';
import type { Verb } from '../cli/verb.ts';
import type { Context } from '../context/context.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { type ApiFormat, keyVariables } from '../domain/key-variables.ts';
import { type Cents, toUsd } from '../domain/money.ts';
import { maskInLog } from '../output/workflow-commands.ts';
import { requireProgram, runCommand } from '../programs/run-command.ts';
import { interruptingSignals, type PassSignals } from '../programs/signals.ts';

interface Flags {
  readonly key?: string;
  readonly pool?: string;
  readonly for: ApiFormat;
  readonly model?: string;
  readonly temporary?: true;
  readonly gateway?: true;
  readonly subscription?: string;
  readonly maxBudget?: Cents;
}

/** Which command `ci run` runs, and with which key. */
export interface Options extends Flags {
  readonly command: readonly string[];
}

type RunContext = KeyContext & Pick<Context, 'result'>;

/** `ci run`: runs a command with a key in its environment. */
export default function runWithKey(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      runs: true,
      exits: [126, 127],
      examples: [
        'ci run -- node app.js',
        'ci run --for anthropic --model kimi-k2.6 -- claude',
        'ci run --gateway -- opencode',
        'ci run --temporary --max-budget 5 -- npm test',
      ],
    })
    .argument('[command...]', 'Command to run, and its arguments')
    .addOption(keyOption())
    .addOption(keyPoolOption())
    .addOption(apiFormatOption())
    .option('--model <id>', 'Model for coding tools')
    .option('--gateway', 'Use all your seats at once, through a gateway')
    .option('--temporary', 'Create a key for this run, and revoke it when the command ends')
    .addOption(
      new ValueOption(
        '--subscription <id>',
        'With --temporary, create the key for this subscription',
        namesOf('subscriptions'),
      ),
    )
    .option('--max-budget <usd>', 'With --temporary, use prepaid credit up to this limit', parseAmount('--max-budget'))
    .action((words: string[], flags: Flags) => execute({ command: words, ...flags }, context));
}

/** Runs a command with the variables of a key. Its exit code becomes that of this command. */
export async function run(options: Options, context: RunContext): Promise<void> {
  const { command, key, temporary, pool } = options;
  if (!command[0]) throw usageError('No command was given', 'Pass one after --, such as `ci run -- node app.js`.');
  if (options.model?.trim() === '') throw usageError('--model is empty', 'Run `ci models` to see the models of a key.');
  checkTemporary(options);
  if (options.gateway) return runWithGateway(options, context);
  if (temporary) return runWithTemporaryKey(options, context);
  const { secret } = await chooseKey(context, { key, pool });
  await start(options, context, { secret, baseUrl: await baseUrlOf(context), passSignals: signalsOf(context) });
}

/** Refuses options that contradict each other. @throws CommandError (usage) */
function checkTemporary({ key, temporary, maxBudget, pool, subscription }: Options): void {
  const needsTemporary =
    maxBudget !== undefined ? '--max-budget' : subscription !== undefined ? '--subscription' : undefined;
  if (needsTemporary && !temporary) throw missingOption(needsTemporary, '--temporary');
  if (temporary && key !== undefined) throw usageError("--temporary and --key can't be combined", 'Pass one of them.');
  const [first, second] = [
    maxBudget !== undefined && '--max-budget',
    pool !== undefined && '--pool',
    subscription !== undefined && '--subscription',
  ].filter((flag) => typeof flag === 'string');
  if (temporary && first && second) throw usageError(`${first} and ${second} can't be combined`, 'Pass one of them.');
  if (subscription?.trim() === '')
    throw usageError('--subscription is empty', 'Run `ci pools subscriptions` to see the IDs.');
}

/** Runs a command with the token of the gateway. Starts a gateway if none runs, which ends with the last command that uses it. */
async function runWithGateway(options: Options, context: RunContext): Promise<void> {
  const { key, pool, temporary } = options;
  const other = key !== undefined ? '--key' : pool !== undefined ? '--pool' : temporary ? '--temporary' : undefined;
  if (other !== undefined) {
    const hint = 'To use only some of your seats, first start a gateway with `ci gateway --background --pools SLUG`.';
    throw usageError(`--gateway and ${other} can't be combined`, hint);
  }
  requireProgram(options.command[0] ?? '', context.world);
  const { useGateway } = await import('../gateway/shared-gateway.ts');
  const { token, url, running, close } = await useGateway(context);
  try {
    const { outsideNote } = await import('../gateway/outside-hours.ts');
    const note = await outsideNote(running, context.world);
    if (note !== undefined) context.output.note(note);
    await start(options, context, { secret: token, baseUrl: url, passSignals: signalsOf(context) });
  } finally {
    close();
  }
}

/** Returns the API that the command calls. That of the sandbox runs in this process. */
async function baseUrlOf({ connections, settings }: Pick<Context, 'connections' | 'settings'>): Promise<string> {
  return settings.sandbox.value ? new URL((await connections.startSandbox()).url).origin : originOfApi(settings);
}

/** Runs a command with a key that exists only as long as the command runs. */
async function runWithTemporaryKey(options: Options, context: RunContext): Promise<void> {
  requireProgram(options.command[0] ?? '', context.world);
  const { client } = await context.api();
  client.requireSignedIn();
  const request = await temporaryRequest(options, context);
  // Signals must not end this process before the key is revoked.
  let isInterrupted = false;
  const hold = (signal: NodeJS.Signals) => {
    if (isInterrupted || !interruptingSignals.includes(signal)) return;
    isInterrupted = true;
    context.output.note('Interrupted. Revoking the temporary key…');
  };
  let receive: (signal: NodeJS.Signals) => void = hold;
  const end = signalsOf(context)((signal) => receive(signal));
  const passSignals: PassSignals = (receiver) => {
    receive = receiver;
    return () => {
      receive = hold;
    };
  };
  try {
    await withTemporaryKey(context, request, async ({ apiKey: secret }) => {
      if (isInterrupted) throw new CommandError('interrupted', 'Interrupted before the command was started');
      await start(options, context, { secret, baseUrl: client.baseUrl.origin, passSignals });
    });
  } finally {
    end();
  }
}

/** Returns the request for a temporary key: for credit with `--max-budget`, or else for a subscription. */
async function temporaryRequest(
  { maxBudget, pool, subscription }: Options,
  context: RunContext,
): Promise<KeyRequest & { readonly name: string }> {
  const name = temporaryName();
  if (maxBudget !== undefined) return { credit: true, name, maxBudget: toUsd(maxBudget) };
  if (subscription !== undefined) return { name, subscriptionId: await expandSubscription(context, subscription) };
  if (pool === undefined) return { name, subscriptionId: (await onlySubscription(context)).id };
  const slug = await new PoolCatalog(context).expand(checkedPool(pool));
  return { name, subscriptionId: await subscriptionForKey(context, slug, name) };
}

async function start(
  { command, for: format, model }: Options,
  { result, world }: Pick<Context, 'result' | 'world'>,
  { passSignals, ...use }: { readonly secret: string; readonly baseUrl: string; readonly passSignals: PassSignals },
): Promise<void> {
  maskInLog(world, [use.secret]);
  const env = { ...world.env, ...keyVariables({ ...use, format, model }) };
  const { exitCode, isInterrupted } = await runCommand(command, { env, passSignals });
  result.exitCode = exitCode;
  if (isInterrupted) world.endWith?.('SIGINT');
}

function signalsOf({ world }: Pick<Context, 'world'>): PassSignals {
  return world.passSignals ?? (() => () => {});
}
