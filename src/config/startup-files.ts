import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import type { Shell } from '../domain/shells.ts';
import { homeOf, xdgFolder } from './folders.ts';

/** A shell with a startup file that the environment determines. */
export type UnixShell = Exclude<Shell, 'powershell'>;

/**
 * Returns the file that an interactive shell reads when it starts. It may be missing.
 *
 * @throws CommandError (file_error) if there is no home directory
 */
export function startupFile(shell: UnixShell, env: Environment): string {
  switch (shell) {
    case 'bash':
      // On macOS, terminals start login shells, which read another file.
      return path.join(homeOf(env), process.platform === 'darwin' ? '.bash_profile' : '.bashrc');
    case 'zsh':
      return path.join(env.ZDOTDIR || homeOf(env), '.zshrc');
    case 'fish':
      return path.join(xdgFolder(env, 'XDG_CONFIG_HOME') ?? path.join(homeOf(env), '.config'), 'fish', 'config.fish');
  }
}

/**
 * Returns all files that bash may read when it starts, those of the system included. They may be missing.
 *
 * @throws CommandError (file_error) if there is no home directory
 */
export function bashStartupFiles(env: Environment): string[] {
  const own = ['.bashrc', '.bash_profile', '.bash_login', '.profile'].map((name) => path.join(homeOf(env), name));
  return [...own, '/etc/bash.bashrc', '/etc/bashrc'];
}

/** Returns PowerShell's profile for all hosts; undefined if PowerShell, which is the only one to know its path, doesn't respond. */
export function powershellProfile(env: Environment): string | undefined {
  const ask = ['-NoProfile', '-NonInteractive', '-Command', '$PROFILE.CurrentUserAllHosts'];
  for (const program of process.platform === 'win32' ? ['pwsh', 'powershell'] : ['pwsh']) {
    try {
      const file = execFileSync(program, ask, {
        encoding: 'utf8',
        env: { ...env },
        timeout: 20_000,
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
      if (path.isAbsolute(file)) return file;
    } catch {
      // It isn't installed, or it failed.
    }
  }
  return undefined;
}
