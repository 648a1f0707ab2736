import path from 'node:path';
import { homeOf, resolved } from '../../config/folders.ts';
import type { Tool } from '../tool.ts';
import { folderFrom } from './folders.ts';
import { keyVariable, openaiUrl } from './provider.ts';

/** Qwen Code. Of several entries for a model, it takes the first, unless `model.baseUrl` says which one. Seen with version 0.24.4. */
export const qwenCode: Tool = {
  name: 'qwen-code',
  title: 'Qwen Code',
  programs: ['qwen'],
  api: 'openai',
  keyFrom: 'variable',
  withoutLimits: 'Qwen Code guesses the context window from the name of the model, or assumes 200,000 tokens',
  files(place, connection, surroundings) {
    const baseUrl = openaiUrl(connection);
    const folder =
      place === 'project'
        ? resolved('.qwen', surroundings)
        : folderFrom(surroundings, 'QWEN_HOME', () => path.join(homeOf(surroundings.env), '.qwen'));
    const models = connection.models.map(({ id, limits }) => ({
      path: ['modelProviders', 'openai', { id, baseUrl }],
      value: {
        id,
        name: `${id} (CheapestInference)`,
        envKey: keyVariable,
        baseUrl,
        generationConfig: limits && { contextWindowSize: limits.context },
      },
    }));
    return [
      {
        file: path.join(folder, 'settings.json'),
        format: 'jsonc',
        settings: [
          ...models,
          { path: ['security', 'auth', 'selectedType'], value: 'openai' },
          { path: ['model', 'name'], value: connection.model.id },
          { path: ['model', 'baseUrl'], value: baseUrl },
        ],
      },
    ];
  },
  start: ({ program }) => ({ words: [program] }),
};
