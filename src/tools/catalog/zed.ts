import path from 'node:path';
import type { Tool } from '../tool.ts';
import { appData, xdgConfig } from './folders.ts';
import { openaiUrl, providerId } from './provider.ts';

/**
 * Zed. It reads the key from the variable named after the provider, CHEAPESTINFERENCE_API_KEY. It ignores all providers if one model has
 * no context window.
 *
 * Source: https://github.com/zed-industries/zed, crates/language_models/src/provider/open_ai_compatible.rs.
 */
export const zed: Tool = {
  name: 'zed',
  title: 'Zed',
  programs: ['zed', 'zeditor', 'zed-editor'],
  api: 'openai',
  keyFrom: 'variable',
  withoutLimits: 'Zed takes no model without a context window',
  needsLimits: true,
  noProject: 'Zed reads providers only from your own settings.',
  files(_place, connection, { env }) {
    const { model, models } = connection;
    const windows = appData(env);
    const folder = windows
      ? path.join(windows, 'Zed')
      : process.platform === 'linux'
        ? path.join(env.FLATPAK_XDG_CONFIG_HOME || xdgConfig(env), 'zed')
        : path.join(xdgConfig({ ...env, XDG_CONFIG_HOME: undefined }), 'zed');
    const available = models.flatMap(({ id, limits }) =>
      limits
        ? [
            {
              name: id,
              display_name: id,
              max_tokens: limits.context,
              max_output_tokens: limits.output,
              capabilities: { tools: true, images: false, parallel_tool_calls: false, prompt_cache_key: false },
            },
          ]
        : [],
    );
    return [
      {
        file: path.join(folder, 'settings.json'),
        format: 'jsonc',
        settings: [
          {
            path: ['language_models', 'openai_compatible', providerId],
            value: { api_url: openaiUrl(connection), available_models: available },
          },
          { path: ['agent', 'default_model', 'provider'], value: providerId },
          { path: ['agent', 'default_model', 'model'], value: model.id },
        ],
      },
    ];
  },
  start: ({ program }) => ({ words: [program], note: 'Quit Zed first. It reads the key at startup.' }),
};
