import { Argument } from 'commander';
import { blocksOption, missingOption } from '../../cli/options.ts';
import { addPaymentOptions, type ChainOptions, paymentOptionsOf } from '../../cli/payment-options.ts';
import { destinationOf, type SaveOptions } from '../../cli/save-options.ts';
import { namesOf, ValueOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { WalletOptions } from '../../cli/wallet-options.ts';
import type { Context } from '../../context/context.ts';
import { readSecret } from '../../context/input-stream.ts';
import type { Block } from '../../domain/blocks.ts';
import { type Hex, lowerCase } from '../../domain/chains.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import type { Purchase } from '../../domain/payment.ts';
import { isTransactionHash } from '../../domain/usdc.ts';
import { timeAgo } from '../../output/time.ts';
import { type Claimed, type ClaimFields, type ClaimRequest, claim, claimMessage, idsIn } from '../../payment/claim.ts';
import { checkedSignature, paymentOnChain } from '../../payment/claim-paid.ts';
import { connectChain } from '../../payment/connect-chain.ts';
import { claimFields, deliverClaimed, type KeepKeys } from '../../payment/deliver.ts';
import { Payer, type PayingContext, type PaymentOptions } from '../../payment/pay.ts';
import { PaymentRecord, type RecordedPayment, wasClaimed } from '../../payment/record.ts';
import { chooseWallet } from '../../wallet/choose.ts';

/** The longest text that is read as a signature, in bytes. */
const longestSignature = 1024;

export const fields = [
  'message',
  'subscriptionId',
  'poolSlug',
  'blocks',
  'status',
  'expiresAt',
  'credited',
  'balance',
  ...claimFields,
] as const;

interface Flags extends ChainOptions, WalletOptions, SaveOptions {
  readonly pool?: string;
  readonly blocks?: readonly Block[];
  readonly credit?: true;
  readonly signature?: string;
  readonly printMessage?: true;
  readonly field?: ClaimFields;
}

/** Which payment `ci agent claim` claims, and for what. */
export interface Options extends Flags {
  readonly txHash: Hex;
}

/** `ci agent claim`: claims what a payment was for, whoever made it. */
export default function claimPaid(command: Verb, context: Context, execute = run): void {
  addPaymentOptions(
    command
      .tell({
        fields,
        changes: true,
        examples: [
          'ci agent claim 0x…',
          'ci agent claim 0x… --pool kimi26 --blocks europe --account agent',
          'ci agent claim 0x… --print-message',
          'ci agent claim 0x… --pool kimi26 --blocks europe --signature - < signature.txt',
          'ci agent claim 0x… --credit',
        ],
      })
      .addArgument(new Argument('<txHash>', 'Hash of the transaction that paid').argParser(parseHash))
      .addOption(new ValueOption('--pool <slug>', 'Claim a subscription to this pool', namesOf('pools')))
      .addOption(blocksOption())
      .option('--credit', 'Claim credit instead of a subscription')
      .option(
        '--signature <hex>',
        'Signature of the message by the wallet that paid, or - to read it from standard input',
      )
      .option('--print-message', 'Print the message to sign, and claim nothing'),
  ).action((txHash: Hex, flags: Flags) => execute({ txHash, ...flags }, context));
}

/** Claims what a payment was for, and delivers the API key that it gets. Charges nothing. */
export async function run(options: Options, context: PayingContext): Promise<void> {
  const { txHash: hash, signature, field } = options;
  if (options.printMessage) return printMessage(context, hash);
  const destination = await destinationOf(context, options);
  const record = await PaymentRecord.open(context);
  const recorded = await record.newest(({ payment }) => payment.hash === hash);
  if (recorded) refuseClaimed(context, recorded);
  const purchase = purchaseOf(options, recorded);
  const { chain, rpcUrl, confirmations, ...paying } = paymentOptionsOf(options);
  await deliverClaimed(context, { destination, type: purchase.type }, async (keep) => {
    const node = await connectChain(context, chain, rpcUrl);
    const { payer, amount } = await paymentOnChain(context, node, hash, confirmations);
    const signed = async () => {
      if (purchase.type !== 'subscription') return undefined;
      if (signature !== undefined) return checkedSignature(await typedSignature(context, signature), hash, payer);
      return record.signatureOf(hash, payer) ?? signedBy(context, paying, hash, payer);
    };
    const request = { purchase, hash, payer, amount, chain: chain.name, signature: await signed(), fields: field };
    const work = async () => {
      // Another process may have claimed it while this one waited for the lock.
      const now = recorded && (await record.newest(({ payment }) => payment.hash === hash));
      if (now) refuseClaimed(context, now);
      const claimed = await claimRecorded(context, record, { ...request, isRecorded: recorded !== undefined }, keep);
      return { ...claimed, hash };
    };
    return record.exclusively({ from: payer, chain: chain.name }, work);
  });
}

/** Returns a signature as typed, or that on standard input, where other users of the machine can't see it. */
async function typedSignature({ world }: Pick<Context, 'world'>, typed: string): Promise<string> {
  return typed === '-' ? (await readSecret(world, 'Standard input', longestSignature)).toString('utf8').trim() : typed;
}

/** Claims a payment, and records that if the payment is recorded and isn't finished. */
async function claimRecorded(
  context: PayingContext,
  record: PaymentRecord,
  request: ClaimRequest,
  keep: KeepKeys,
): Promise<Claimed> {
  const open = (await record.unfinished()).find(({ payment }) => payment.hash === request.hash);
  if (!open) {
    const claimed = await claim(context, request);
    keep(claimed);
    return claimed;
  }
  const { change, payment } = open;
  await record.claiming(change.id);
  try {
    const claimed = await claim(context, { ...request, wasClaimed: wasClaimed(open) });
    keep(claimed);
    await record.applied(change.id, payment, request.hash, idsIn(claimed.data));
    return claimed;
  } catch (error) {
    await record.unfinishedBy(change.id, payment, error);
    throw error;
  }
}

/** Refuses to claim a payment again whose API key was delivered. @throws CommandError (unavailable) */
function refuseClaimed({ clocks }: Pick<Context, 'clocks'>, { change }: RecordedPayment): void {
  const { settled } = change;
  if (settled?.outcome !== 'applied' || settled.code === 'secret_lost') return;
  const when = timeAgo(settled.at, clocks.wall());
  throw new CommandError('unavailable', `This payment was claimed ${when}, and its API key was delivered then`, {
    hint: 'Nothing was sent. `ci history` shows what the payment was for.',
    outcome: 'not_applied',
  });
}

async function printMessage({ output }: Pick<Context, 'output'>, hash: Hex): Promise<void> {
  const message = claimMessage(hash);
  if (output.format === undefined) return output.line(message);
  await output.record({ message }, { fields });
}

/** Returns what to claim: as typed, or else what the record says that the payment is for. @throws CommandError (usage) */
function purchaseOf({ txHash, pool, blocks, credit }: Options, recorded: RecordedPayment | undefined): Purchase {
  if (credit) {
    if (pool !== undefined || blocks)
      throw usageError("--credit and --pool or --blocks can't be combined", 'Pass one of them.');
    return { type: 'credit' };
  }
  if (pool !== undefined && blocks) return { type: 'subscription', pool, blocks };
  if (pool !== undefined) throw missingOption('--pool', '--blocks');
  const purchase = recorded?.payment.purchase;
  if (purchase?.type === 'subscription') return { ...purchase, blocks: blocks ?? purchase.blocks };
  if (blocks) throw missingOption('--blocks', '--pool');
  if (purchase?.type === 'credit') return purchase;
  if (purchase?.type === 'topup') {
    throw usageError(
      'This payment is for credit of your account',
      `Run \`ci billing verify ${txHash} --amount ${recorded?.payment.amount}\`.`,
    );
  }
  throw new CommandError('usage', `The payment ${txHash} was not made from this machine`, {
    hint: 'Say what it is for: --pool and --blocks, or --credit.',
  });
}

async function signedBy(
  context: PayingContext,
  { wallet, password }: Pick<PaymentOptions, 'wallet' | 'password'>,
  hash: Hex,
  payer: Hex,
): Promise<Hex> {
  const signer = new Payer(context, await chooseWallet(context, wallet), password);
  try {
    const address = await signer.address();
    if (address !== payer) {
      throw usageError(
        `The wallet ${address} didn't make this payment`,
        `The wallet ${payer} paid. Choose it with --account or --keystore, or sign with another program: see --print-message.`,
      );
    }
    return (await signer.open()).signMessage(claimMessage(hash));
  } finally {
    signer.close();
  }
}

function parseHash(text: string): Hex {
  if (isTransactionHash(text)) return lowerCase(text);
  throw usageError(
    `"${text}" is not a valid transaction hash`,
    'Copy it from your wallet: 0x and 64 hexadecimal digits.',
  );
}
