import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Environment, xdgFolder } from '../config/folders.ts';
import { quoted } from '../domain/shell-word.ts';

const begin = '# >>> CheapestInference API key >>>';
const end = '# <<< CheapestInference API key <<<';

/** The file that a shell reads when it starts, and a dotenv file that it is to load: secrets are in the latter alone. */
export interface ShellProfile {
  readonly shell: 'bash' | 'zsh' | 'fish';
  /** The shell's own file; it may be readable by others. */
  readonly file: string;
  /** Has the shell load a dotenv file from now on. @returns whether its file had to be changed */
  load(dotenv: string): boolean;
}

/** The profile of the shell that the user logs in with; undefined for a shell that is not known here. */
export function findShellProfile(env: Environment): ShellProfile | undefined {
  const home = env.HOME;
  const shell = path.basename(env.SHELL ?? '');
  if (!home || (shell !== 'bash' && shell !== 'zsh' && shell !== 'fish')) return undefined;
  const files = {
    bash: path.join(home, process.platform === 'darwin' ? '.bash_profile' : '.bashrc'),
    zsh: path.join(env.ZDOTDIR || home, '.zshrc'),
    fish: path.join(xdgFolder(env, 'XDG_CONFIG_HOME') ?? path.join(home, '.config'), 'fish', 'config.fish'),
  };
  const file = files[shell];
  return {
    shell,
    file,
    load(dotenv) {
      const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
      const lines = `${begin}\n${shell === 'fish' ? fishLines(dotenv) : posixLines(dotenv)}\n${end}\n`;
      if (text.includes(lines)) return false;
      mkdirSync(path.dirname(file), { recursive: true });
      appendFileSync(file, `${text === '' || text.endsWith('\n') ? '' : '\n'}${lines}`);
      return true;
    },
  };
}

function posixLines(dotenv: string): string {
  const file = quoted(dotenv);
  return `if [ -r ${file} ]; then set -a; . ${file}; set +a; fi`;
}

function fishLines(dotenv: string): string {
  const file = `'${dotenv.replace(/[\\']/g, '\\$&')}'`;
  return `if test -r ${file}\n  for line in (string match -r '^\\w+=.*' < ${file})\n    set -gx (string split -m 1 = -- $line)\n  end\nend`;
}
