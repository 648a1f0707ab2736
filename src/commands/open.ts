import { showPage } from '../account/show-page.ts';
import { pages } from '../account/web-pages.ts';
import { choiceArgument } from '../cli/values.ts';
import type { Verb } from '../cli/verb.ts';
import type { Context } from '../context/context.ts';
import { usageError } from '../domain/errors.ts';
import { inWords } from '../output/text.ts';

/** The page that `ci open` opens. */
export interface Options {
  readonly place: keyof typeof pages;
}

export const fields = ['place', 'url'] as const;

/** `ci open`: opens a CheapestInference page in the browser. */
export default function open(command: Verb, context: Context, execute = run): void {
  const words = Object.entries(pages).map(([name, url]) => ({ name, description: url }));
  const places = inWords(Object.keys(pages), 'or');
  const mistake = (typed: string) => usageError(`"${typed}" is not a page`, `Choose ${places}.`);
  command
    .tell({ fields, local: true, examples: ['ci open', 'ci open billing'] })
    .addArgument(choiceArgument('[page]', `Page: ${places}`, words, mistake).default('dashboard', 'dashboard'))
    .action((place: Options['place']) => execute({ place }, context));
}

/** Opens a page in the browser, and prints its URL. */
export async function run(
  { place }: Options,
  context: Pick<Context, 'output' | 'prompts' | 'settings' | 'world'>,
): Promise<void> {
  const url = pages[place];
  context.output.checkFields(fields);
  if (context.output.format === undefined) context.output.line(url);
  else await context.output.record({ place, url }, { fields });
  if (place === 'keys' || place === 'billing') {
    context.output.note(`In the dashboard, select ${place === 'keys' ? 'API Keys' : 'Billing'}.`);
  }
  await showPage(context, url);
}
