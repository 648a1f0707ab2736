import path from 'node:path';
import { homeOf } from '../../config/folders.ts';
import type { Tool } from '../tool.ts';
import { appData, folderFrom, xdgConfig } from './folders.ts';
import { openaiUrl, providerId } from './provider.ts';

/**
 * llm. It has its own file for keys. If the key isn't there, it sends the user's own OPENAI_API_KEY.
 *
 * Source: https://github.com/simonw/llm, llm/__init__.py and llm/default_plugins/openai_models.py.
 */
export const llm: Tool = {
  name: 'llm',
  title: 'llm',
  programs: ['llm'],
  api: 'openai',
  keyFrom: 'file',
  noProject: 'llm reads models only from your own settings.',
  files(_place, connection, surroundings) {
    const { env } = surroundings;
    const folder = folderFrom(surroundings, 'LLM_USER_PATH', () => {
      const app = 'io.datasette.llm';
      if (process.platform === 'darwin') return path.join(homeOf(env), 'Library', 'Application Support', app);
      return path.join(appData(env) ?? xdgConfig(env), app);
    });
    return [
      {
        file: path.join(folder, 'keys.json'),
        format: 'jsonc',
        strictFor: 'llm',
        holdsSecret: true,
        settings: [{ path: [providerId], value: connection.secret }],
      },
      {
        file: path.join(folder, 'extra-openai-models.yaml'),
        format: 'yaml',
        settings: connection.models.map(({ id }) => ({
          path: [{ model_id: `${providerId}/${id}` }],
          value: {
            model_id: `${providerId}/${id}`,
            model_name: id,
            api_base: openaiUrl(connection),
            api_key_name: providerId,
            supports_tools: true,
          },
        })),
      },
    ];
  },
  start: ({ model, program }) => ({ words: [program, '-m', `${providerId}/${model}`] }),
};
