import { existsSync } from 'node:fs';
import path from 'node:path';
import { resolved } from '../../config/folders.ts';
import type { Setting, Value } from '../../documents/document.ts';
import type { Surroundings } from '../../domain/environment.ts';
import type { Connection, Place, Tool } from '../tool.ts';
import { xdgConfig } from './folders.ts';
import { byId, keyVariable, openaiUrl, providerId, providerName } from './provider.ts';

/** opencode. Without limits, it doesn't compact sessions. Seen with version 1.18.33. */
export const opencode: Tool = {
  name: 'opencode',
  title: 'opencode',
  programs: ['opencode'],
  api: 'openai',
  keyFrom: 'variable',
  withoutLimits: "opencode doesn't compact long sessions",
  files(place, connection, surroundings) {
    const key = { options: { baseURL: openaiUrl(connection), apiKey: `{env:${keyVariable}}` } };
    return [
      { file: configFile('opencode', place, surroundings), format: 'jsonc', settings: settings(connection, key) },
    ];
  },
  start: ({ program }) => ({ words: [program] }),
};

/**
 * Kilo Code, which is based on opencode. A project's file that refers to a variable in `apiKey` is ignored as a whole, so the variable
 * is in `env`. Seen with version 7.7.7.
 */
export const kilo: Tool = {
  name: 'kilo',
  title: 'Kilo Code',
  programs: ['kilo', 'kilocode'],
  api: 'openai',
  keyFrom: 'variable',
  withoutLimits: "Kilo Code doesn't compact long sessions",
  files(place, connection, surroundings) {
    const key = { env: [keyVariable], options: { baseURL: openaiUrl(connection) } };
    return [{ file: configFile('kilo', place, surroundings), format: 'jsonc', settings: settings(connection, key) }];
  },
  start: ({ program }) => ({ words: [program] }),
};

function settings(connection: Connection, key: { readonly [name: string]: Value }): Setting[] {
  const provider: Value = {
    npm: '@ai-sdk/openai-compatible',
    name: providerName,
    ...key,
    models: byId(connection, ({ id, limits }) =>
      limits ? { name: id, limit: { context: limits.context, output: limits.output } } : { name: id },
    ),
  };
  return [
    { path: ['provider', providerId], value: provider },
    { path: ['model'], value: `${providerId}/${connection.model.id}` },
  ];
}

/** Returns the file that takes precedence: the one with comments, if it exists. */
function configFile(name: 'opencode' | 'kilo', place: Place, surroundings: Surroundings): string {
  const folder = place === 'project' ? resolved('.', surroundings) : path.join(xdgConfig(surroundings.env), name);
  const file = path.join(folder, `${name}.jsonc`);
  return existsSync(file) ? file : path.join(folder, `${name}.json`);
}
