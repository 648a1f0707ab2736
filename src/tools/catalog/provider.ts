import type { Value } from '../../documents/document.ts';
import type { Connection } from '../tool.ts';

/** The ID of the provider in the files of tools. */
export const providerId = 'cheapestinference';

/** The name of the provider for people. */
export const providerName = 'CheapestInference';

/** The environment variable from which tools read the key. */
export const keyVariable = 'CHEAPESTINFERENCE_API_KEY';

/** Returns the base URL in OpenAI's format. */
export function openaiUrl({ baseUrl }: Pick<Connection, 'baseUrl'>): string {
  return `${baseUrl}/v1`;
}

/** Returns the models as the members of an object. @param entry - returns a member's value */
export function byId(
  { models }: Pick<Connection, 'models'>,
  entry: (model: Connection['model']) => Value,
): Record<string, Value> {
  return Object.fromEntries(models.map((model) => [model.id, entry(model)]));
}
