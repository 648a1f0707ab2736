import { Argument } from 'commander';
import { requestCardTopup, requestUsdcTopup } from '../../account/request-topup.ts';
import { showPage } from '../../account/show-page.ts';
import type { StripeTopup, UsdcTopup } from '../../api/billing.ts';
import { missingOption, mistakeIn, parseAmount, settlingOf } from '../../cli/options.ts';
import { type ChainOptions, confirmationsOption, paymentOptionsOf, rpcUrlOption } from '../../cli/payment-options.ts';
import { choiceOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { keychainOption, passwordFileOption, type WalletOptions } from '../../cli/wallet-options.ts';
import type { Context } from '../../context/context.ts';
import { chainTitle } from '../../domain/chains.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { type Cents, decimalUsd, formatUsd, parseUsd, toUsd } from '../../domain/money.ts';
import { paymentRequest } from '../../domain/usdc.ts';
import { columnOf } from '../../output/output.ts';
import { factLines } from '../../output/text.ts';
import type { PayingContext } from '../../payment/pay.ts';
import type { VerifyingContext } from '../../payment/verify.ts';

export const fields = ['sessionUrl', 'sessionId', 'address', 'chain', 'amount', 'credited', 'balance'] as const;

/** The minimum top-up (Management API, "Minimum $10"). */
const smallest: Cents = 1000;
/** How often `--wait` checks the credit, in milliseconds. */
const checkInterval = 3000;
/** How long `--wait` waits, in milliseconds: about as long as a payment page is valid. */
const longestWait = 30 * 60_000;

/** The payment methods. */
const methods = [
  { name: 'stripe', description: 'By card' },
  { name: 'usdc', description: 'On Base' },
] as const;

interface Flags
  extends Pick<WalletOptions, 'passwordFile' | 'keychain'>,
    Pick<ChainOptions, 'rpcUrl' | 'confirmations'> {
  readonly method: (typeof methods)[number]['name'];
  readonly wait?: true;
  /** A wallet, by its name or the path of its file. */
  readonly payWith?: string;
  readonly again?: true;
}

/** How much `ci billing topup` adds, and how it is paid. */
export interface Options extends Flags {
  /** Undefined: ask. */
  readonly cents: Cents | undefined;
}

type TopupContext = PayingContext & VerifyingContext;

type Result = (StripeTopup | UsdcTopup) & { credited?: number; balance?: number };

/** `ci billing topup`: adds prepaid credit, by card or with USDC. */
export default function topup(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: [
        'ci billing topup 50',
        'ci billing topup 50 --wait',
        'ci billing topup 50 --method usdc',
        'ci billing topup 50 --method usdc --pay-with agent',
      ],
    })
    .addArgument(new Argument('[usd]', 'Amount in USD, at least 10').argParser(parseTopup))
    .addOption(
      choiceOption('--method <method>', 'Payment method: stripe (by card) or usdc (on Base)', methods).default(
        'stripe',
      ),
    )
    .option('--wait', 'Wait until the credit is added')
    .option('--pay-with <wallet>', 'With --method usdc, send the payment from this wallet: its name, or ./FILE')
    .addOption(passwordFileOption())
    .addOption(keychainOption())
    .addOption(rpcUrlOption())
    .addOption(confirmationsOption())
    .option('--again', 'With --pay-with, pay even if you paid the same moments ago')
    .action((cents: Cents | undefined, flags: Flags) => execute({ cents, ...flags }, context));
}

/** Starts a top-up: prints and opens the payment page, or prints the address to send USDC to. */
export async function run(options: Options, context: TopupContext): Promise<void> {
  const { cents: typed, method, wait } = options;
  checkOptions(options);
  context.settling = settlingOf(options.again ? { again: true } : {});
  const cents = typed ?? (await askedAmount(context));
  if (options.payWith !== undefined) {
    // What signs payments takes longer to load than everything else.
    const { topUpFromWallet } = await import('../../payment/topup.ts');
    return topUpFromWallet(context, cents, paymentOptionsOf(walletOf(options)));
  }
  const { client } = await context.api();
  client.requireSignedIn();
  const before = wait ? await balance(context) : undefined;
  const request = method === 'stripe' ? requestCardTopup : requestUsdcTopup;
  const payment: StripeTopup | UsdcTopup = await request(context, toUsd(cents));
  if (before === undefined) return show(context, payment, cents);
  // While waiting, the user needs the page or the address. The result is printed at the end.
  context.output.note(instructions(payment, cents));
  const code = await paymentCode(context, payment, cents, 'beside');
  if (code.lines) context.output.picture(code.lines);
  if (code.missing) context.output.note(code.missing);
  if (isCard(payment)) await showPage(context, payment.sessionUrl);
  const after = await waitForCredit(context, before);
  context.output.done(`${formatUsd(after - before)} of credit added.`);
  await show(context, { ...payment, credited: toUsd(after - before), balance: toUsd(after) }, cents, false);
}

/** Refuses options for a wallet without one. @throws CommandError (usage) */
function checkOptions({ payWith, method, passwordFile, keychain, rpcUrl, confirmations, again }: Options): void {
  if (payWith?.trim() === '')
    throw usageError('--pay-with is empty', 'Pass the name of a wallet: see `ci agent wallet list`.');
  if (payWith !== undefined && method !== 'usdc') throw missingOption('--pay-with', '--method usdc');
  const flags = [
    passwordFile !== undefined && '--password-file',
    keychain && '--keychain',
    rpcUrl !== undefined && '--rpc-url',
    confirmations !== undefined && '--confirmations',
    again && '--again',
  ];
  const flag = flags.find((each) => typeof each === 'string');
  if (payWith === undefined && flag) throw missingOption(flag, '--pay-with');
}

/** Returns the wallet that `--pay-with` chooses. A slash makes it a path. */
function walletOf({ payWith = '', ...options }: Options): ChainOptions & WalletOptions {
  const wallet = /[/\\]/.test(payWith) ? { keystore: payWith } : { account: payWith };
  return { ...options, ...wallet, chain: 'base' };
}

async function show(context: TopupContext, payment: Result, cents: Cents, due = true): Promise<void> {
  const code = due && context.output.isForPeople ? await paymentCode(context, payment, cents, 'result') : {};
  await context.output.record(payment, {
    // Shows USD with cents, and USDC with all digits.
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
    ['Send', `exactly ${decimalUsd(usdcOf(payment, cents))} USDC`],
    ['To', payment.address],
    ['On', chainTitle(payment.chain ?? 'base')],
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
  if (!canvas.hasColors) return { missing: "Can't show the QR code, because colors are turned off." };
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

async function waitForCredit(context: TopupContext, before: Cents): Promise<Cents> {
  const deadline = context.clocks.wall() + longestWait;
  context.output.note("Waiting for the payment. Press Ctrl-C to stop waiting. The payment isn't affected.");
  while (context.clocks.wall() < deadline) {
    await context.clocks.sleep(checkInterval);
    const now = await balance(context).catch((error: unknown) => {
      // A failed check doesn't affect the payment. Goes on unless checking is impossible.
      if (error instanceof CommandError && error.retryable) return before;
      throw error;
    });
    if (now > before) return now;
  }
  throw new CommandError('outcome_unknown', "The payment didn't arrive within 30 minutes", {
    hint: 'It may still arrive. Check with `ci billing credits`.',
    outcome: 'unknown',
  });
}

async function balance(context: Pick<Context, 'api'>): Promise<Cents> {
  const { billing } = await context.api();
  const { remaining } = await billing.credits();
  if (remaining == null) throw new CommandError('unexpected_response', "The API didn't return the remaining credit");
  return parseUsd(remaining);
}

function isCard(payment: StripeTopup | UsdcTopup): payment is StripeTopup {
  return 'sessionUrl' in payment;
}

function parseTopup(text: string): Cents {
  const cents = parseAmount()(text);
  if (cents >= smallest) return cents;
  throw usageError(`${formatUsd(cents)} is too small for a top-up`, `Use at least ${formatUsd(smallest)}.`);
}

async function askedAmount({ prompts }: Pick<Context, 'prompts'>): Promise<Cents> {
  const missing = "Can't ask for the amount without a terminal. Pass it, such as `ci billing topup 50`";
  return parseTopup(await prompts.text('Amount in USD (at least 10):', missing, mistakeIn(parseTopup)));
}
