import path from 'node:path';
import { resolved } from '../../config/folders.ts';
import { markedLines } from '../../documents/marked-lines.ts';
import { shellWord } from '../../domain/shell-word.ts';
import type { Tool } from '../tool.ts';
import { folderFrom, xdgConfig } from './folders.ts';
import { keyVariable, openaiUrl, providerId, providerName } from './provider.ts';

/**
 * Crush. Its `crushrc` is a Bash script. An older version has only `crush.json`.
 *
 * Source: https://github.com/charmbracelet/crush, docs/config, and internal/shellconfig. `crushrc` exists since version 0.88.
 */
export const crush: Tool = {
  name: 'crush',
  title: 'Crush',
  programs: ['crush'],
  api: 'openai',
  keyFrom: 'variable',
  withoutLimits: "Crush doesn't summarize long sessions",
  files(place, connection, surroundings) {
    const { model, models } = connection;
    const file =
      place === 'project'
        ? resolved('.crushrc', surroundings)
        : path.join(
            folderFrom(surroundings, 'CRUSH_GLOBAL_CONFIG', () => path.join(xdgConfig(surroundings.env), 'crush')),
            'crushrc',
          );
    const lines = [
      `provider add ${providerId} --name ${providerName} --type openai-compat --base-url ${shellWord(openaiUrl(connection))} --api-key "$${keyVariable}"`,
      ...models.map(({ id, limits }) => {
        const limit = limits ? ` --context-window ${limits.context} --default-max-tokens ${limits.output}` : '';
        return `model add ${shellWord(`${providerId}/${id}`)}${limit}`;
      }),
      `model large ${shellWord(`${providerId}/${model.id}`)}`,
      `model small ${shellWord(`${providerId}/${model.id}`)}`,
    ];
    return [{ file, format: 'script', settings: [{ path: markedLines, value: lines }] }];
  },
  start: ({ program }) => ({ words: [program] }),
};
