import { quoted } from '../domain/shell-word.ts';
import type { EvaluatingShell } from '../domain/shells.ts';
import { withVariable } from './dotenv-text.ts';

/** Returns commands that set environment variables, for a shell to evaluate, or the lines of a dotenv file. */
export function assignments(variables: Readonly<Record<string, string>>, target: EvaluatingShell | 'dotenv'): string {
  const all = Object.entries(variables);
  if (target === 'dotenv') {
    let file: Buffer = Buffer.alloc(0);
    for (const [name, value] of all) file = withVariable(file, name, value);
    return file.toString('utf8');
  }
  return all.map(([name, value]) => `${assignment[target](name, value)}\n`).join('');
}

const assignment: Readonly<Record<EvaluatingShell, (name: string, value: string) => string>> = {
  sh: (name, value) => `export ${name}=${quoted(value)}`,
  fish: (name, value) => `set -gx ${name} '${value.replace(/['\\]/g, '\\$&')}'`,
  // PowerShell also takes typographic quotation marks for the end of a text. It removes a variable that is set to an empty text.
  powershell: (name, value) => `$env:${name} = '${value.replace(/['‘’‚‛]/g, '$&$&')}'`,
};
