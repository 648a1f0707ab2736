import path from 'node:path';
import { homeOf, resolved } from '../../config/folders.ts';
import type { Setting } from '../../documents/document.ts';
import type { Tool } from '../tool.ts';
import { folderFrom } from './folders.ts';

/**
 * Claude Code. The variables that are empty would otherwise send the user's own key along with ours, or requests to another provider.
 * Seen with version 2.1.330.
 */
export const claudeCode: Tool = {
  name: 'claude-code',
  title: 'Claude Code',
  programs: ['claude'],
  api: 'anthropic',
  keyFrom: 'command',
  withoutLimits: 'Claude Code assumes a context window of 1,000,000 tokens',
  files(place, { baseUrl, keyCommand, model }, surroundings) {
    const folder =
      place === 'project'
        ? resolved('.claude', surroundings)
        : folderFrom(surroundings, 'CLAUDE_CONFIG_DIR', () => path.join(homeOf(surroundings.env), '.claude'));
    const variables: Readonly<Record<string, string | undefined>> = {
      ANTHROPIC_BASE_URL: `${baseUrl}/anthropic`,
      ANTHROPIC_API_KEY: '',
      ANTHROPIC_AUTH_TOKEN: '',
      CLAUDE_CODE_USE_BEDROCK: '',
      CLAUDE_CODE_USE_VERTEX: '',
      CLAUDE_CODE_USE_FOUNDRY: '',
      ANTHROPIC_MODEL: model.id,
      ANTHROPIC_DEFAULT_OPUS_MODEL: model.id,
      ANTHROPIC_DEFAULT_SONNET_MODEL: model.id,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: model.id,
      CLAUDE_CODE_MAX_CONTEXT_TOKENS: model.limits && String(model.limits.context),
    };
    const settings: Setting[] = [
      { path: ['apiKeyHelper'], value: keyCommand },
      ...Object.entries(variables).flatMap(([name, value]) =>
        value === undefined ? [] : [{ path: ['env', name], value }],
      ),
    ];
    const name = place === 'project' ? 'settings.local.json' : 'settings.json';
    return [{ file: path.join(folder, name), format: 'jsonc', strictFor: 'Claude Code', settings }];
  },
  start: ({ program }) => ({ words: [program] }),
};
