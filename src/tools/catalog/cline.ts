import path from 'node:path';
import { homeOf } from '../../config/folders.ts';
import type { Tool } from '../tool.ts';
import { folderFrom } from './folders.ts';
import { openaiUrl } from './provider.ts';

const id = 'openai-compatible';

/**
 * Cline CLI. Without a key in its file, it sends the user's own OPENAI_API_KEY, so the key has to be there. Its file allows no comments
 * and no provider of another name. Cline changes `updatedAt` at each run. Seen with version 3.0.65.
 */
export const cline: Tool = {
  name: 'cline',
  title: 'Cline CLI',
  programs: ['cline'],
  api: 'openai',
  keyFrom: 'file',
  withoutLimits: 'Cline assumes a context window of 128,000 tokens',
  noProject: 'Cline reads providers only from your own settings.',
  files(_place, connection, surroundings) {
    const { model, now, secret } = connection;
    const data = folderFrom(surroundings, 'CLINE_DATA_DIR', () =>
      path.join(
        folderFrom(surroundings, 'CLINE_DIR', () => path.join(homeOf(surroundings.env), '.cline')),
        'data',
      ),
    );
    const settings = {
      provider: id,
      apiKey: secret,
      model: model.id,
      baseUrl: openaiUrl(connection),
      contextWindow: model.limits?.context,
      maxTokens: model.limits?.output,
    };
    const provider = { settings, updatedAt: now.toISOString(), tokenSource: 'manual' };
    return [
      {
        file: path.join(data, 'settings', 'providers.json'),
        format: 'jsonc',
        strictFor: 'Cline',
        holdsSecret: true,
        settings: [
          { path: ['version'], value: 1, isRequired: true },
          { path: ['lastUsedProvider'], value: id },
          { path: ['providers', id], value: provider, ignored: ['updatedAt', 'tokenSource'] },
        ],
      },
    ];
  },
  start: ({ program }) => ({ words: [program] }),
};
