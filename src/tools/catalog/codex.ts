import path from 'node:path';
import { homeOf } from '../../config/folders.ts';
import type { Setting } from '../../documents/document.ts';
import type { Tool } from '../tool.ts';
import { folderFrom } from './folders.ts';
import { openaiUrl, providerId, providerName } from './provider.ts';

/** Codex. It calls only `/v1/responses`. A project's file can't name a provider. Seen with version 0.169.0. */
export const codex: Tool = {
  name: 'codex',
  title: 'Codex',
  programs: ['codex'],
  api: 'responses',
  keyFrom: 'command',
  withoutLimits: 'Codex assumes a context window of 272,000 tokens',
  noProject: 'Codex reads providers only from your own settings.',
  files(_place, connection, surroundings) {
    const { keyWords, model } = connection;
    const [command = '', ...args] = keyWords;
    const folder = folderFrom(surroundings, 'CODEX_HOME', () => path.join(homeOf(surroundings.env), '.codex'));
    const provider = ['model_providers', providerId];
    const limits: Setting[] = model.limits ? [{ path: ['model_context_window'], value: model.limits.context }] : [];
    return [
      {
        file: path.join(folder, 'config.toml'),
        format: 'toml',
        settings: [
          { path: ['model'], value: model.id },
          { path: ['model_provider'], value: providerId },
          ...limits,
          {
            path: provider,
            value: { name: providerName, base_url: openaiUrl(connection), wire_api: 'responses' },
            ignored: ['auth'],
          },
          { path: [...provider, 'auth'], value: { command, args } },
        ],
      },
    ];
  },
  start: ({ program }) => ({ words: [program] }),
};
