import type { Address } from '../../../chain/address.ts';
import type { Verb } from '../../../cli/verb.ts';
import type { Context } from '../../../context/context.ts';
import { CommandError, messageWithHint } from '../../../domain/errors.ts';
import type { Column } from '../../../output/output.ts';
import { readKeystore, type WalletPlace, walletsIn } from '../../../wallet/files.ts';
import { fields } from './fields.ts';

interface Listed extends WalletPlace {
  /** Null if the file doesn't state it. */
  readonly address: Address | null;
}

/** `ci agent wallet list`: lists the wallets in Foundry's directory. */
export default function list(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      examples: ['ci agent wallet list', "ci agent wallet list --jq '.[].address'"],
    })
    .action(() => execute(context));
}

/** Prints the wallets with the addresses that their files state. Notes which files can't be read. */
export async function run({ output, world }: Pick<Context, 'output' | 'world'>): Promise<void> {
  const listed: Listed[] = [];
  for (const place of walletsIn(world.env)) {
    try {
      listed.push({ ...place, address: readKeystore(place).address ?? null });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      output.note(messageWithHint(error));
    }
  }
  await output.list(listed, {
    columns,
    fields,
    empty: 'There are no wallets. Run `ci agent wallet create` to create one.',
  });
}

const columns: readonly Column<Listed>[] = [
  { field: 'name', header: 'NAME', value: ({ name }) => name },
  {
    field: 'address',
    header: 'ADDRESS',
    value: ({ address }) => address,
    show: ({ address }, style) => address ?? style.dim('unknown until decrypted'),
  },
  { field: 'file', header: 'FILE', value: ({ file }) => file, audience: 'programs' },
];
