import path from 'node:path';
import type { Tool } from '../tool.ts';
import { appData, folderFrom, xdgConfig } from './folders.ts';
import { keyVariable, openaiUrl, providerId, providerName } from './provider.ts';

/**
 * goose, with a file of its own for the provider. Its `config.yaml` stays as it is, because goose writes it anew without comments.
 *
 * Source: https://github.com/aaif-goose/goose, crates/goose-providers/src/declarative.rs and documentation/docs/getting-started/providers.md.
 */
export const goose: Tool = {
  name: 'goose',
  title: 'goose',
  programs: ['goose'],
  api: 'openai',
  keyFrom: 'variable',
  withoutLimits: 'goose assumes a context window of 128,000 tokens',
  noProject: 'goose reads providers only from your own settings.',
  files(_place, connection, surroundings) {
    const { env } = surroundings;
    const windows = appData(env);
    const config = env.GOOSE_PATH_ROOT
      ? path.join(
          folderFrom(surroundings, 'GOOSE_PATH_ROOT', () => ''),
          'config',
        )
      : windows
        ? path.join(windows, 'Block', 'goose', 'config')
        : path.join(xdgConfig(env), 'goose');
    const members = {
      name: providerId,
      engine: 'openai',
      display_name: providerName,
      description: '',
      api_key_env: keyVariable,
      base_url: `${openaiUrl(connection)}/chat/completions`,
      models: connection.models.map(({ id, limits }) => ({ name: id, context_limit: limits?.context })),
      supports_streaming: true,
      requires_auth: true,
    };
    return [
      {
        file: path.join(config, 'custom_providers', `${providerId}.json`),
        format: 'jsonc',
        settings: Object.entries(members).map(([name, value]) => ({ path: [name], value })),
      },
    ];
  },
  start: ({ model, program }) => ({
    env: { GOOSE_PROVIDER: providerId, GOOSE_MODEL: model },
    words: [program, 'session'],
  }),
};
