import { existsSync } from 'node:fs';
import path from 'node:path';
import { completionFolder, homeOf, xdgFolder } from '../config/folders.ts';
import { bashStartupFiles, powershellProfile, startupFile } from '../config/startup-files.ts';
import type { Environment } from '../domain/environment.ts';
import { quoted } from '../domain/shell-word.ts';
import type { Shell } from '../domain/shells.ts';
import { type Block, type FileChange, fileFailure, textOf, withBlock } from '../output/file-change.ts';
import { namesIn } from '../state/folder.ts';

/** In every script that was generated. */
const mark = 'Generated from the command tree: `ci completion ';

/**
 * What completion in a shell takes. Where the shell has a folder that it loads completions from, that is all; else a block of
 * lines in the file that it reads at its start.
 *
 * @throws CommandError (file_error) for a file that is somebody else's, or that cannot be read
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
    throw fileFailure('PowerShell (pwsh) could not be asked where its profile is', {
      hint: 'Add this line to it: ci completion powershell | Out-String | Invoke-Expression',
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

/** A file that is the script and nothing else. */
function wholeFile(file: string, script: string): FileChange {
  const before = textOf(file);
  if (before !== undefined && !before.includes(mark)) {
    throw fileFailure(`${file} is there already and is not of this program`, {
      hint: 'Move it away, and run this again.',
    });
  }
  const change = before === undefined ? 'created' : before === script ? 'unchanged' : 'updated';
  return { file, change, firstLine: 1, lastLine: script.split('\n').length - 1, text: script };
}

/** Whether bash loads completions from the user's folder: only the package bash-completion makes it do so. */
function loadsBashCompletion(env: Environment): boolean {
  const files = bashStartupFiles(env);
  // What /etc/bashrc does not name it may read from this folder, as Fedora's does.
  if (existsSync('/etc/bashrc'))
    files.push(...namesIn('/etc/profile.d').map((name) => path.join('/etc/profile.d', name)));
  return files.some((file) => /^[^#\n]*bash_completion/m.test(existsSync(file) ? (textOf(file) ?? '') : ''));
}
