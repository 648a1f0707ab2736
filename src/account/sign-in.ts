import type { Context } from '../context/context.ts';
import { CommandError, usageError, withoutPeriod } from '../domain/errors.ts';
import { isConsumptionKey, isManagementKey, masked } from '../domain/secrets.ts';
import type { Prompts } from '../prompts/prompts.ts';
import type { Choice } from '../prompts/question.ts';
import { showPage } from './show-page.ts';
import { pages } from './web-pages.ts';

/** A key that was saved. */
export interface SavedKey {
  readonly profile: string;
  /** Scheme, host and port. */
  readonly apiUrl: string;
  /** The previous key of the profile, masked. */
  readonly replaced: string | undefined;
}

/** The parts of the context that asking for a management key uses. */
type AskingContext = Pick<Context, 'connections' | 'output' | 'prompts' | 'settings' | 'world'>;

/** How to ask for a management key. */
interface AskOptions<Other> {
  /** The other choices. */
  readonly others?: readonly Choice<Other>[];
  /** Asks the question; default: the context's. */
  readonly prompts?: Prompts;
  /** The error if the user can't be asked. */
  readonly missing: string;
}

/**
 * Asks for a management key until the API accepts one. Offers to open the dashboard, where one can be created.
 *
 * @returns the key, or what was chosen instead
 * @throws CommandError for anything but a key that isn't valid
 */
export async function askForKey<Other = never>(
  context: AskingContext,
  { others = [], prompts = context.prompts, missing }: AskOptions<Other>,
): Promise<{ readonly key: string } | { readonly chosen: Other }> {
  type Entry = { readonly other: Other } | undefined;
  const dashboard: Choice<Entry> = {
    name: `Create a key: open ${new URL(pages.dashboard).host} in the browser`,
    short: 'create a key',
    value: undefined,
  };
  const choices = [
    dashboard,
    ...others.map(({ value, ...labels }): Choice<Entry> => ({ ...labels, value: { other: value } })),
  ];
  for (;;) {
    const answer = await prompts.textOrPick('Paste a management key (mk_…), or choose:', choices, missing, {
      check: (typed) => mistakeInKey(context, typed.trim()),
      isSecret: true,
    });
    if ('typed' in answer) return { key: answer.typed.trim() };
    if (answer.chosen) return { chosen: answer.chosen.other };
    context.output.note(`Create a management key in the dashboard (Management Keys):\n  ${pages.dashboard}`);
    await showPage(context, pages.dashboard);
  }
}

/** Returns what is wrong with a management key, in sentences; undefined if the API accepts it. */
async function mistakeInKey(context: Pick<Context, 'connections'>, key: string): Promise<string | undefined> {
  try {
    await verifyKey(context, checkedKey(key));
    return undefined;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const hint = error.exitCode === 4 ? retryHint : error.code === 'usage' ? error.hint : undefined;
    if (hint === undefined) throw error;
    return `${withoutPeriod(error.message)}. ${hint}`;
  }
}

const retryHint = 'Copy the whole key from the dashboard (Management Keys), or create another one.';

/** Checks that the API accepts a management key. @throws CommandError */
export async function verifyKey({ connections }: Pick<Context, 'connections'>, key: string): Promise<void> {
  const { billing } = await connections.withManagementKey(key);
  await billing.status();
}

/**
 * Saves a management key in the profile in use. Call it after {@link verifyKey} or {@link askForKey}.
 *
 * @param inKeychain - whether to save it in the system's keychain
 * @throws CommandError
 */
export async function saveKey(
  { profiles, settings }: Pick<Context, 'profiles' | 'settings'>,
  managementKey: string,
  inKeychain = false,
): Promise<SavedKey> {
  const profile = settings.profile.value;
  const { parseBaseUrl } = await import('../api/base-url.ts');
  const apiUrl = parseBaseUrl(settings.apiUrl.value).origin;
  const replaced = await profiles.saveKey(profile, { apiUrl, managementKey }, { inKeychain });
  return { profile, apiUrl, replaced };
}

/** Returns a management key. Refuses other text without showing it, before the first request. @throws CommandError (usage) */
export function checkedKey(key: string): string {
  if (isManagementKey(key)) return key;
  if (key === '') throw usageError('No management key was given', createHint);
  if (isConsumptionKey(key)) {
    throw usageError(
      `${masked(key)} is an API key. Signing in needs a management key`,
      `${createHint} An API key goes into CHEAPESTINFERENCE_API_KEY.`,
    );
  }
  throw usageError('Not a valid management key', createHint);
}

const createHint = 'Management keys start with mk_. Create one in the dashboard (Management Keys).';
