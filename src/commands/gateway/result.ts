import { fromHome } from '../../account/secrets/destinations.ts';
import type { Context } from '../../context/context.ts';
import type { BackgroundGateway } from '../../gateway/background.ts';
import { tokenCommand } from '../../gateway/token.ts';
import { factLines } from '../../output/text.ts';

/** The fields of a gateway that was started in the background. */
export const fields = ['pid', 'url', 'tokenFile', 'account', 'startedAt', 'log'] as const;

/** Prints a gateway that was started in the background, and how to use it. */
export async function printStarted(
  { output, world }: Pick<Context, 'output' | 'world'>,
  { pid, url, tokenFile, label, startedAt, log }: BackgroundGateway,
): Promise<void> {
  const columns = fields.map((field) => ({
    field,
    header: field,
    value: (row: { readonly [Name in (typeof fields)[number]]: string | number }) => row[field],
  }));
  await output.record(
    { pid, url, tokenFile, account: label, startedAt, log },
    {
      columns,
      fields,
      drawing: (style, clean) =>
        `${style.good('✓')} The gateway runs in the background.\n${factLines([
          ['OpenAI base URL', `${clean.url}/v1`],
          ['Anthropic base URL', `${clean.url}/anthropic`],
          ['API key', `the output of \`${tokenCommand(tokenFile, world)}\``],
          ['Log', fromHome(String(clean.log), world.env.HOME)],
        ])}\n`,
    },
  );
}
