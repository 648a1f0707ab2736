import path from 'node:path';
import { configFolder, resolved } from '../../config/folders.ts';
import type { Tool } from '../tool.ts';
import { keyVariable, openaiUrl, providerId } from './provider.ts';

/**
 * LiteLLM's proxy. It has no file of the user's, so there is one beside the settings of `ci`. `max_parallel_requests` is 1 because a
 * pool key answers one request at a time.
 *
 * Source: https://github.com/BerriAI/litellm, litellm/types/router.py and litellm/proxy/proxy_cli.py.
 */
export const litellm: Tool = {
  name: 'litellm',
  title: 'LiteLLM proxy',
  programs: ['litellm'],
  api: 'openai',
  keyFrom: 'variable',
  files(place, connection, surroundings) {
    const file =
      place === 'project'
        ? resolved('config.yaml', surroundings)
        : path.join(configFolder(surroundings), 'litellm.yaml');
    return [
      {
        file,
        format: 'yaml',
        expected: 'model_list',
        settings: connection.models.map(({ id, limits }) => ({
          path: ['model_list', { model_name: `${providerId}/${id}` }],
          value: {
            model_name: `${providerId}/${id}`,
            litellm_params: {
              model: `openai/${id}`,
              api_base: openaiUrl(connection),
              api_key: `os.environ/${keyVariable}`,
              max_parallel_requests: connection.isPoolKey ? 1 : undefined,
            },
            model_info: limits && { max_input_tokens: limits.context, max_output_tokens: limits.output },
          },
        })),
      },
    ];
  },
  start: ({ program, files: [file = ''] }) => ({ words: [program, '--config', file, '--host', '127.0.0.1'] }),
};
