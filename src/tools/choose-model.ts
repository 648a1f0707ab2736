import type { Api } from '../api/index.ts';
import type { Context } from '../context/context.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import type { StoredKey } from '../domain/stored-key.ts';
import { harmless, inWords } from '../output/text.ts';
import { limitsFor, limitsOf, type OfferedModel } from './models.ts';
import type { Tool } from './tool.ts';

/** Which model a tool is to use. */
export interface ModelChoice {
  readonly model?: string | undefined;
  /** The context window of the model in tokens, if it isn't known. */
  readonly contextWindow?: number | undefined;
}

/** Matches the IDs that can be written to all files. They come from the API, and some of the files are scripts. */
const usableId = /^[A-Za-z0-9][\w.:/@+~-]{0,199}$/;

/** The key that offers the models. */
interface Offer {
  readonly api: Pick<Api, 'inference'>;
  readonly stored: StoredKey | undefined;
}

/**
 * Returns the models that a key offers, with their limits if those are known. If the API doesn't answer outside the hours of the key,
 * returns the models of its pool.
 *
 * @throws CommandError of the API
 */
export async function offeredModels(
  context: Pick<Context, 'api'>,
  { api, stored }: Offer,
  { model, contextWindow }: ModelChoice,
): Promise<OfferedModel[]> {
  const ids = (await idsOf(context, { api, stored })).filter((id) => usableId.test(id));
  const isOnly = ids.length === 1;
  return [...new Set(ids)].map((id) => {
    const isMeant = contextWindow !== undefined && (id === model || isOnly);
    return { id, limits: isMeant ? limitsFor(contextWindow) : limitsOf(id) };
  });
}

async function idsOf(context: Pick<Context, 'api'>, { api, stored }: Offer): Promise<string[]> {
  try {
    return (await api.inference.models()).data.map(({ id }) => id);
  } catch (error) {
    if (!(error instanceof CommandError) || error.code !== 'rate_limited' || stored?.poolSlug === undefined)
      throw error;
    const { pools } = await context.api();
    const { modelId, models } = await pools.get(stored.poolSlug);
    return [modelId, ...(models ?? [])].flatMap((id) => id ?? []);
  }
}

/**
 * Returns the model that `--model` names, the only one, or the one of the earlier connection. Otherwise, asks. Notes what the tool does
 * if its context window isn't known.
 *
 * @throws CommandError (usage) if the key doesn't offer it, if the user can't be asked, or if the tool needs its context window
 */
export async function chooseModel(
  { output, prompts }: Pick<Context, 'output' | 'prompts'>,
  models: readonly OfferedModel[],
  { tool, model, contextWindow, earlier }: ModelChoice & { readonly tool: Tool; readonly earlier: string | undefined },
): Promise<OfferedModel> {
  const [only, second] = models;
  const found = models.find(({ id }) => id === model);
  if (model !== undefined && !found) {
    throw usageError(`This key doesn't offer the model "${model}"`, modelsHint(models));
  }
  if (!only) throw new CommandError('unavailable', "This key doesn't offer any model", { outcome: 'not_applied' });
  const chosen =
    found ?? (second ? models.find(({ id }) => id === earlier) : only) ?? (await askModel(prompts, models));
  if (contextWindow !== undefined && chosen.limits?.context !== contextWindow) {
    throw usageError('--context-window needs --model, because this key offers several models', 'Add --model.');
  }
  if (!chosen.limits && tool.withoutLimits !== undefined) {
    const pass = 'pass it with --context-window';
    if (tool.needsLimits) {
      throw usageError(
        `The context window of ${harmless(chosen.id)} isn't known, and ${tool.title} needs it`,
        `Look it up in the documentation of the model, and ${pass}.`,
      );
    }
    output.note(
      `The context window of ${chosen.id} isn't known. Without it, ${tool.withoutLimits}. If you know it, ${pass}.`,
    );
  }
  return chosen;
}

function askModel(prompts: Context['prompts'], models: readonly OfferedModel[]): Promise<OfferedModel> {
  if (!prompts.canAsk)
    throw usageError('This key offers several models', `Pass one with --model. ${modelsHint(models)}`);
  const choices = models.map((model) => ({ name: model.id, value: model }));
  return prompts.search('Model:', choices, "Can't ask for the model without a terminal. Pass it with --model.");
}

function modelsHint(models: readonly OfferedModel[]): string {
  const shown = models.slice(0, 20).map(({ id }) => id);
  const others = models.length > shown.length ? `, and ${models.length - shown.length} more (\`ci models\`)` : '';
  return models.length === 0 ? "It doesn't offer any." : `It offers ${inWords(shown)}${others}.`;
}
