import { aider } from './catalog/aider.ts';
import { claudeCode } from './catalog/claude-code.ts';
import { cline } from './catalog/cline.ts';
import { codex } from './catalog/codex.ts';
import { crush } from './catalog/crush.ts';
import { goose } from './catalog/goose.ts';
import { litellm } from './catalog/litellm.ts';
import { llm } from './catalog/llm.ts';
import { kilo, opencode } from './catalog/opencode.ts';
import { pi } from './catalog/pi.ts';
import { qwenCode } from './catalog/qwen-code.ts';
import { anthropicSdk, openaiSdk } from './catalog/sdks.ts';
import { zed } from './catalog/zed.ts';
import type { Tool } from './tool.ts';

/** The tools that can be connected. */
export const tools: readonly Tool[] = [
  claudeCode,
  opencode,
  kilo,
  pi,
  qwenCode,
  cline,
  codex,
  crush,
  goose,
  zed,
  aider,
  llm,
  litellm,
  openaiSdk,
  anthropicSdk,
];
