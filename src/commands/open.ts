import { pages } from '../account/web-pages.ts';
import type { Verb } from '../cli/verb.ts';
import type { Context } from '../context/context.ts';
import { usageError } from '../domain/errors.ts';

type Place = keyof typeof pages;

export const fields = ['place', 'url'] as const;

/** `ci open`: a page of the vendor's in the browser. */
export default function open(command: Verb, context: Context): void {
  const places = Object.keys(pages).join(', ');
  command
    .tell({ fields, local: true, examples: ['ci open', 'ci open billing'] })
    .argument('[place]', places, 'dashboard')
    .action((place: string) => openPlace(context, place));
}

async function openPlace(context: Context, typed: string): Promise<void> {
  if (!isPlace(typed))
    throw usageError(`there is no place "${typed}"`, `The places are: ${Object.keys(pages).join(', ')}.`);
  const url = pages[typed];
  context.output.checkFields(fields);
  if (context.output.format === undefined) context.output.line(url);
  else await context.output.record({ place: typed, url }, { fields });
  if (typed === 'keys' || typed === 'billing') {
    context.output.note(`In the dashboard, choose ${typed === 'keys' ? 'API Keys' : 'Billing'}.`);
  }
  await context.showPage(url);
}

function isPlace(word: string): word is Place {
  return Object.hasOwn(pages, word);
}
