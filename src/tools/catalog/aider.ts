import path from 'node:path';
import { homeOf, resolved } from '../../config/folders.ts';
import type { Tool } from '../tool.ts';

/**
 * aider. The base URL isn't in its file: aider would send it the user's own OPENAI_API_KEY. `ci run` sets both.
 *
 * Source: https://github.com/Aider-AI/aider, aider/args.py, aider/main.py and aider/models.py.
 */
export const aider: Tool = {
  name: 'aider',
  title: 'aider',
  programs: ['aider'],
  api: 'openai',
  keyFrom: 'OPENAI_API_KEY',
  withoutLimits: "aider warns about the model, and doesn't limit what it sends",
  files(place, { model, models }, surroundings) {
    const folder = place === 'project' ? resolved('.', surroundings) : homeOf(surroundings.env);
    const limits = models.flatMap(({ id, limits: known }) =>
      known
        ? [
            {
              path: [`openai/${id}`],
              value: {
                max_tokens: known.output,
                max_input_tokens: known.context,
                max_output_tokens: known.output,
                litellm_provider: 'openai',
                mode: 'chat',
              },
            },
          ]
        : [],
    );
    return [
      {
        file: path.join(folder, '.aider.conf.yml'),
        format: 'yaml',
        settings: [{ path: ['model'], value: `openai/${model.id}` }],
      },
      ...(limits.length === 0
        ? []
        : [{ file: path.join(folder, '.aider.model.metadata.json'), format: 'jsonc' as const, settings: limits }]),
    ];
  },
  start: ({ program }) => ({ words: [program] }),
};
