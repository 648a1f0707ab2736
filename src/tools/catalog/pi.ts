import path from 'node:path';
import { homeOf } from '../../config/folders.ts';
import type { Tool } from '../tool.ts';
import { folderFrom } from './folders.ts';
import { openaiUrl, providerId, providerName } from './provider.ts';

/**
 * pi. A command is the only form of `apiKey` that all versions read in the same way: before 0.77, a bare name was a variable; since
 * then, it is sent as the key. Without a default model, pi sends the prompt to the provider of any other key that it finds. Seen with
 * versions 0.74 and 0.84.
 */
export const pi: Tool = {
  name: 'pi',
  title: 'pi',
  programs: ['pi'],
  api: 'openai',
  keyFrom: 'command',
  withoutLimits: 'pi assumes a context window of 128,000 tokens and responses of up to 16,384',
  noProject: 'pi reads providers only from your own settings.',
  files(_place, connection, surroundings) {
    const { keyCommand, model, models } = connection;
    const folder = folderFrom(surroundings, 'PI_CODING_AGENT_DIR', () =>
      path.join(homeOf(surroundings.env), '.pi', 'agent'),
    );
    const provider = {
      name: providerName,
      baseUrl: openaiUrl(connection),
      api: 'openai-completions',
      apiKey: `!${keyCommand}`,
      compat: { supportsDeveloperRole: false, supportsStore: false },
      models: models.map(({ id, limits }) => ({ id, contextWindow: limits?.context, maxTokens: limits?.output })),
    };
    return [
      {
        file: path.join(folder, 'models.json'),
        format: 'jsonc',
        settings: [{ path: ['providers', providerId], value: provider }],
      },
      {
        file: path.join(folder, 'settings.json'),
        format: 'jsonc',
        strictFor: 'pi',
        settings: [
          { path: ['defaultProvider'], value: providerId },
          { path: ['defaultModel'], value: model.id },
        ],
      },
    ];
  },
  start: ({ program }) => ({ words: [program] }),
};
