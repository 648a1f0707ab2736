import { realpathSync } from 'node:fs';
import path from 'node:path';
import { repository } from '../../package.json';
import { shellWord } from '../domain/shell-word.ts';

/** Where this program is installed. */
export interface Installation {
  /** The platform of a standalone binary; absent in the npm package. */
  readonly platform?: string | undefined;
  /** The path of the executable: of the binary, or of Node.js. */
  readonly executable: string;
  /** The user's home directory, if it is known. */
  readonly home?: string | undefined;
}

const releases = `${repository.url.replace(/^git\+|\.git$/g, '')}/releases/latest`;

/** Returns how to update an installation, after `Update with `: a command, or for a Debian package its address. */
export function updateInstructions({ platform, executable, home }: Installation): string {
  if (platform === undefined) return 'npm install --global cheapestinference';
  // Homebrew puts a link on the path.
  const file = realPath(executable);
  if (file.includes('/Cellar/')) return 'brew upgrade cheapestinference';
  if (/[\\/]scoop[\\/]apps[\\/]/.test(file)) return 'scoop update cheapestinference';
  if (platform.startsWith('windows')) {
    const script = `irm ${releases}/download/install.ps1`;
    const folder = path.win32.dirname(file);
    const isDefault = folder.endsWith(String.raw`\Programs\cheapestinference`);
    return isDefault
      ? `${script} | iex`
      : `& ([scriptblock]::Create((${script}))) -To '${folder.replaceAll("'", "''")}'`;
  }
  if (file.startsWith('/usr/bin/')) return `the package at ${releases}`;
  const folder = path.dirname(file);
  const isDefault = home !== undefined && folder === path.join(realPath(home), '.local', 'bin');
  return `curl -fsSL ${releases}/download/install.sh | sh${isDefault ? '' : ` -s -- --to ${shellWord(folder)}`}`;
}

function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
