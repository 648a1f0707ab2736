import { existsSync } from 'node:fs';
import path from 'node:path';
import { completionFolder, homeOf, xdgFolder } from '../config/folders.ts';
import { bashStartupFiles, powershellProfile, startupFile } from '../config/startup-files.ts';
import type { Environment } from '../domain/environment.ts';
import { quoted } from '../domain/shell-word.ts';
import type { Shell } from '../domain/shells.ts';
import { type Block, type FileChange, fileFailure, textOf, withBlock } from '../output/file-change.ts';
import { namesIn } from '../state/folder.ts';

/** Part of every generated script. */
const mark = 'Generated from the command tree';

/**
 * Returns the file changes that set up completion in a shell: a script in the directory that the shell loads completions from, and
 * lines in its startup file if it has no such directory.
 *
 * @throws CommandError (file_error) if a file belongs to another program, or can't be read
 */
export function completionChanges(shell: Shell, script: string, env: Environment): FileChange[] {
  if (shell === 'fish') {
    const folder = path.join(path.dirname(startupFile(shell, env)), 'completions');
    return ['ci.fish', 'cheapestinference.fish'].map((name) => wholeFile(path.join(folder, name), script));
  }
  if (shell === 'bash') {
    const [own = ''] = (env.BASH_COMPLETION_USER_DIR ?? '').split(':');
    const data = xdgFolder(env, 'XDG_DATA_HOME') ?? path.join(homeOf(env), '.local', 'share');
    const folder = path.join(own || path.join(data, 'bash-completion'), 'completions');
    const files = ['ci', 'cheapestinference'].map((name) => wholeFile(path.join(folder, name), script));
    if (loadsBashCompletion(env)) return files;
    const file = quoted(path.join(folder, 'ci'));
    return [...files, withBlock(startupFile(shell, env), block([`[ -r ${file} ] && . ${file}`]))];
  }
  if (shell === 'zsh') {
    const folder = completionFolder(env);
    const lines = [
      `fpath=(${quoted(folder)} $fpath)`,
      '(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }',
      'autoload -Uz _ci && compdef _ci ci cheapestinference',
    ];
    return [wholeFile(path.join(folder, '_ci'), script), withBlock(startupFile(shell, env), block(lines))];
  }
  const file = path.join(completionFolder(env), 'ci.ps1');
  const profile = powershellProfile(env);
  if (profile === undefined) {
    throw fileFailure("Can't find the profile of PowerShell (pwsh)", {
      hint: 'Add this line to your profile: ci completion powershell | Out-String | Invoke-Expression',
    });
  }
  return [wholeFile(file, script), withBlock(profile, block([`. '${file.replaceAll("'", "''")}'`]))];
}

function block(lines: readonly string[]): Block {
  return {
    start: '# >>> completion of ci (cheapestinference) >>>',
    lines,
    end: '# <<< completion of ci (cheapestinference) <<<',
  };
}

/** Returns the change of a file that contains only the script. */
function wholeFile(file: string, script: string): FileChange {
  const before = textOf(file);
  if (before !== undefined && !before.includes(mark)) {
    throw fileFailure(`${file} belongs to another program`, {
      hint: 'Move it elsewhere, and try again.',
    });
  }
  const change = before === undefined ? 'created' : before === script ? 'unchanged' : 'updated';
  return { file, change, firstLine: 1, lastLine: script.split('\n').length - 1, text: script };
}

/** Returns whether bash loads completions from the user's directory, which requires the package bash-completion. */
function loadsBashCompletion(env: Environment): boolean {
  const files = bashStartupFiles(env);
  // /etc/bashrc may also load files of this directory, as on Fedora.
  if (existsSync('/etc/bashrc'))
    files.push(...namesIn('/etc/profile.d').map((name) => path.join('/etc/profile.d', name)));
  return files.some((file) => /^[^#\n]*bash_completion/m.test(existsSync(file) ? (textOf(file) ?? '') : ''));
}
