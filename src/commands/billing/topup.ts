import { Argument } from 'commander';
import { type ChangingContext, carryOut } from '../../account/changes/carry-out.ts';
import { showPage } from '../../account/show-page.ts';
import type { StripeTopup, UsdcTopup } from '../../api/billing.ts';
import { mistakeIn, parseAmount } from '../../cli/options.ts';
import { choiceOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { type Cents, decimalUsd, formatUsd, parseUsd, toUsd } from '../../domain/money.ts';
import { paymentRequest } from '../../domain/usdc.ts';
import { columnOf } from '../../output/output.ts';
import { factLines, inWords } from '../../output/text.ts';

export const fields = ['sessionUrl', 'sessionId', 'address', 'chain', 'amount', 'credited', 'balance'] as const;

/** The smallest top-up (Management API, "Minimum $10"). */
const smallest: Cents = 1000;
const betweenLooks = 3000;
/** How long `--wait` waits: a payment page is good for about as long. */
const longestWait = 30 * 60_000;

/** How to pay. */
const methods = [
  { name: 'stripe', description: 'by card' },
  { name: 'usdc', description: 'on Base' },
] as const;

const methodsInWords = inWords(
  methods.map(({ name, description }) => `${name} (${description})`),
  'or',
);

interface Flags {
  readonly method: (typeof methods)[number]['name'];
  readonly wait?: true;
}

/** What `ci billing topup` adds, and how. */
export interface Options extends Flags {
  /** Undefined: ask. */
  readonly cents: Cents | undefined;
}

type ToppingContext = ChangingContext & Pick<Context, 'api' | 'prompts'>;

type Result = (StripeTopup | UsdcTopup) & { credited?: number; balance?: number };

/** `ci billing topup`: adds to the prepaid credit, by card or by USDC. */
export default function topup(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci billing topup 50', 'ci billing topup 50 --wait', 'ci billing topup 50 --method usdc'],
    })
    .addArgument(new Argument('[usd]', 'how much, at least 10').argParser(parseTopup))
    .addOption(choiceOption('--method <method>', methodsInWords, methods).default('stripe'))
    .option('--wait', 'wait until the credit has risen')
    .action((cents: Cents | undefined, flags: Flags) => execute({ cents, ...flags }, context));
}

/** Adds to the prepaid credit: prints and opens the page to pay on, or prints the address to send to. */
export async function run({ cents: typed, method, wait }: Options, context: ToppingContext): Promise<void> {
  const cents = typed ?? (await askedFor(context));
  const { client } = await context.api();
  client.requireSignedIn();
  const before = wait ? await balance(context) : undefined;
  const amount = toUsd(cents);
  const payment = await carryOut(context, 'topup', {
    intent: { action: 'topup', amount, method },
    before: {},
    send: ({ billing }): Promise<StripeTopup | UsdcTopup> =>
      method === 'stripe' ? billing.topupByCard(amount) : billing.topupByUsdc(amount),
    ids: () => [],
    adopt: (none) => none,
    command: 'ci billing credits',
  });
  if (before === undefined) return show(context, payment, cents);
  // The page or the address is needed while waiting; the result comes when it is known.
  context.output.note(await instructions(context, payment, cents));
  if (isCard(payment)) await showPage(context, payment.sessionUrl);
  const after = await untilRisen(context, before);
  context.output.done(`${formatUsd(after - before)} credited.`);
  await show(context, { ...payment, credited: toUsd(after - before), balance: toUsd(after) }, cents, false);
}

async function show(context: ToppingContext, payment: Result, cents: Cents, due = true): Promise<void> {
  await context.output.record(payment, {
    // Money with its cents, and a USDC amount to its last digit.
    columns: fields.filter((field) => Object.hasOwn(payment, field)).map((field) => columnOf(field, decimalUsd)),
    fields,
    drawing: async (_style, clean) => (due ? `${await instructions(context, clean, cents)}\n` : ''),
  });
  if (!due) return;
  if (isCard(payment)) await showPage(context, payment.sessionUrl);
  else if (context.output.isForPeople) {
    context.output.note(
      `When it is sent: \`ci billing verify TXHASH --amount ${decimalUsd(payment.amount ?? toUsd(cents))} --wait\`.`,
    );
  }
}

/** What the person has to do: the page to pay on, or the address, chain and exact amount, with a QR code for a wallet. */
async function instructions(
  { output }: Pick<Context, 'output'>,
  payment: StripeTopup | UsdcTopup,
  cents: Cents,
): Promise<string> {
  if (isCard(payment)) return `Pay ${formatUsd(cents)} here: ${payment.sessionUrl}`;
  const amount = payment.amount ?? toUsd(cents);
  const lines = factLines([
    ['Send', `${decimalUsd(amount)} USDC, exactly`],
    ['To', payment.address],
    ['On', payment.chain ?? 'base'],
  ]);
  const code = output.unicode ? await qrCode(payment, amount) : undefined;
  // A code that is broken into lines is none.
  const fits = code?.split('\n').every((line) => line.length <= output.width);
  return fits ? `${code}\n${lines}` : lines;
}

/** Only USDC on Base is what the code would ask a wallet to pay. */
async function qrCode({ address, chain }: UsdcTopup, amount: number): Promise<string | undefined> {
  if (chain != null && chain !== 'base') return undefined;
  try {
    const { renderUnicodeCompact } = await import('uqr');
    return renderUnicodeCompact(paymentRequest(address, amount));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

async function untilRisen(context: ToppingContext, before: Cents): Promise<Cents> {
  const deadline = context.clocks.wall() + longestWait;
  context.output.note('Waiting for the payment; Ctrl-C ends the waiting, not the payment.');
  while (context.clocks.wall() < deadline) {
    await context.clocks.sleep(betweenLooks);
    const now = await balance(context).catch((error: unknown) => {
      // The payment is not the worse for a look that failed; only who may not look stops looking.
      if (error instanceof CommandError && error.retryable) return before;
      throw error;
    });
    if (now > before) return now;
  }
  throw new CommandError('outcome_unknown', 'the credit has not risen within 30 minutes', {
    hint: 'The payment may still arrive: `ci billing credits` shows it.',
    outcome: 'unknown',
  });
}

async function balance(context: Pick<Context, 'api'>): Promise<Cents> {
  const { billing } = await context.api();
  const { remaining } = await billing.credits();
  if (remaining == null) throw new CommandError('unexpected_response', 'the API does not say how much credit there is');
  return parseUsd(remaining);
}

function isCard(payment: StripeTopup | UsdcTopup): payment is StripeTopup {
  return 'sessionUrl' in payment;
}

function parseTopup(text: string): Cents {
  const cents = parseAmount('the amount', 'ci billing topup')(text);
  if (cents >= smallest) return cents;
  throw usageError(`${formatUsd(cents)} is too little`, `A top-up is at least ${formatUsd(smallest)}.`);
}

async function askedFor({ prompts }: Pick<Context, 'prompts'>): Promise<Cents> {
  const missing = 'how much? Write the USD: `ci billing topup 50`';
  return parseTopup(await prompts.text('How much, in USD, at least 10?', missing, mistakeIn(parseTopup)));
}
