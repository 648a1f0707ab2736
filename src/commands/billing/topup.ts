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

type TopupContext = ChangingContext & Pick<Context, 'api' | 'prompts'>;

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
export async function run({ cents: typed, method, wait }: Options, context: TopupContext): Promise<void> {
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
  context.output.note(instructions(payment, cents));
  const code = await paymentCode(context, payment, cents, 'beside');
  if (code.lines) context.output.picture(code.lines);
  if (code.missing) context.output.note(code.missing);
  if (isCard(payment)) await showPage(context, payment.sessionUrl);
  const after = await untilRisen(context, before);
  context.output.done(`${formatUsd(after - before)} of credit added.`);
  await show(context, { ...payment, credited: toUsd(after - before), balance: toUsd(after) }, cents, false);
}

async function show(context: TopupContext, payment: Result, cents: Cents, due = true): Promise<void> {
  const code = due && context.output.isForPeople ? await paymentCode(context, payment, cents, 'result') : {};
  await context.output.record(payment, {
    // Money with its cents, and a USDC amount to its last digit.
    columns: fields.filter((field) => Object.hasOwn(payment, field)).map((field) => columnOf(field, decimalUsd)),
    fields,
    drawing: (_style, clean) => (due ? [instructions(clean, cents), ...(code.lines ?? []), ''].join('\n') : ''),
  });
  if (!due) return;
  if (isCard(payment)) await showPage(context, payment.sessionUrl);
  else if (context.output.isForPeople) {
    if (code.missing) context.output.note(code.missing);
    context.output.note(
      `After sending it, run \`ci billing verify TXHASH --amount ${decimalUsd(usdcOf(payment, cents))} --wait\`.`,
    );
  }
}

/** Returns what to do: the page to pay on, or the address, the chain and the exact amount. */
function instructions(payment: StripeTopup | UsdcTopup, cents: Cents): string {
  if (isCard(payment)) return `Pay ${formatUsd(cents)} here: ${payment.sessionUrl}`;
  return factLines([
    ['Send', `${decimalUsd(usdcOf(payment, cents))} USDC, exactly`],
    ['To', payment.address],
    ['On', payment.chain ?? 'base'],
  ]);
}

function usdcOf({ amount }: UsdcTopup, cents: Cents): number {
  return amount ?? toUsd(cents);
}

/** Lines of the terminal that are needed besides the code: the instructions, what to do next, and the shell's prompt. */
const otherLines = 6;

/** A QR code on a terminal. */
interface PaymentCode {
  readonly lines?: readonly string[];
  /** Why a terminal doesn't show it. */
  readonly missing?: string;
}

/** Draws a QR code for a wallet, if the terminal can show it whole. Nothing for a card, or off a terminal. */
async function paymentCode(
  { output }: Pick<Context, 'output'>,
  payment: StripeTopup | UsdcTopup,
  cents: Cents,
  place: 'result' | 'beside',
): Promise<PaymentCode> {
  const canvas = output.canvas(place);
  // The code would ask a wallet to pay with USDC on Base, and on no other chain.
  if (isCard(payment) || !canvas || (payment.chain ?? 'base') !== 'base') return {};
  const { qrCode } = await import('../../output/qr-code.ts');
  const request = requestIn(payment, cents);
  if (request === undefined) return {};
  const { lines, width } = qrCode(request);
  const rows = lines.length + otherLines;
  if (!canvas.hasColors) return { missing: 'The QR code needs colors, and they are turned off.' };
  if (canvas.columns >= width && canvas.rows >= rows) return { lines };
  return {
    missing: `The QR code needs a terminal of ${width} columns and ${rows} rows. This one has ${canvas.columns} and ${canvas.rows}.`,
  };
}

function requestIn(payment: UsdcTopup, cents: Cents): string | undefined {
  try {
    return paymentRequest(payment.address, usdcOf(payment, cents));
  } catch (error) {
    // A wallet couldn't read the address or the amount.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

async function untilRisen(context: TopupContext, before: Cents): Promise<Cents> {
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
