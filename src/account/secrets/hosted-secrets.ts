import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CommandError, usageError } from '../../domain/errors.ts';
import type { ProgramOfSecrets, SecretPlace } from './program-destination.ts';

const gh: ProgramOfSecrets = {
  name: 'gh',
  setUp: 'Install the GitHub CLI from https://cli.github.com, and sign in with `gh auth login`.',
  env: { GH_PROMPT_DISABLED: '1', GH_NO_UPDATE_NOTIFIER: '1', GH_FORCE_TTY: undefined },
};

const glab: ProgramOfSecrets = {
  name: 'glab',
  setUp: 'Install the GitLab CLI from https://gitlab.com/gitlab-org/cli, and sign in with `glab auth login`.',
  env: { GLAB_NO_PROMPT: 'true' },
};

const vercel: ProgramOfSecrets = {
  name: 'vercel',
  setUp:
    'Install the Vercel CLI with `npm install --global vercel`, sign in with `vercel login`, and run `vercel link` in this directory.',
  env: { NO_UPDATE_NOTIFIER: '1' },
};

const fly: ProgramOfSecrets = {
  name: 'fly',
  setUp: 'Install flyctl from https://fly.io/docs/flyctl, and sign in with `fly auth login`.',
  env: { FLY_NO_UPDATE_CHECK: '1' },
};

const wrangler: ProgramOfSecrets = {
  name: 'wrangler',
  setUp: 'Install Wrangler with `npm install --global wrangler`, and sign in with `wrangler login`.',
  env: {
    // Without its banner, it doesn't check for updates.
    WRANGLER_HIDE_BANNER: 'true',
    // If it is false, log files have the bodies of requests.
    WRANGLER_LOG_SANITIZE: undefined,
  },
};

/** Returns a secret of a GitHub repository, or of one of its environments. Without a repository, gh takes that of the directory. */
export function githubSecret(
  { repository, environment }: { readonly repository?: string | undefined; readonly environment?: string | undefined },
  variable: string,
): SecretPlace {
  if (/^GITHUB_/i.test(variable)) {
    throw usageError(
      `"${variable}" can't be the name of a GitHub secret`,
      'Pass a name to --var that doesn\'t begin with "GITHUB_".',
    );
  }
  const target = [
    ...(repository === undefined ? [] : [`--repo=${repository}`]),
    ...(environment === undefined ? [] : [`--env=${environment}`]),
  ];
  const whole = `GitHub repository ${repository ?? 'of this directory'}`;
  return {
    program: gh,
    name: environment === undefined ? whole : `GitHub environment ${environment} of ${repository ?? 'this directory'}`,
    words: `in the secret ${variable} of the ${environment === undefined ? '' : `environment ${environment} of the `}${whole}`,
    option: `github${repository === undefined ? '' : `:${repository}`}${environment === undefined ? '' : `@${environment}`}`,
    variable,
    // GitHub ignores the case of names.
    check: async (run) => mentions(await run(['secret', 'list', ...target]), variable, 'i'),
    write: async (run, secret) => void (await run(['secret', 'set', variable, ...target], secret)),
  };
}

/** Returns a CI/CD variable of the GitLab project of the directory. */
export function gitlabVariable(variable: string): SecretPlace {
  return {
    program: glab,
    name: 'GitLab project of this directory',
    words: `in the CI/CD variable ${variable} of the GitLab project of this directory`,
    option: 'gitlab',
    variable,
    async check(run) {
      // The list shows whether glab is signed in and finds the project, but not all variables of a large project.
      if (mentions(await run(['variable', 'list']), variable)) return true;
      try {
        await run(['variable', 'get', variable]);
        return true;
      } catch (error) {
        if (error instanceof CommandError && /\b404\b/.test(error.message)) return false;
        throw error;
      }
    },
    write: async (run, secret, replaces) =>
      void (await run(['variable', replaces ? 'update' : 'set', variable, '--masked', '--raw'], secret)),
  };
}

/** Returns an environment variable of the Vercel project that the directory is linked to. */
export function vercelVariable(environment: string, variable: string): SecretPlace {
  const name = `Vercel environment ${environment} of this directory`;
  const list = ['env', 'ls', environment];
  // Without the name of a branch, some versions ask for one, and then end as if they had written the variable.
  const allBranches = environment === 'preview' ? [''] : [];
  return {
    program: vercel,
    name,
    words: `in the variable ${variable} of the environment ${environment} of the Vercel project of this directory`,
    option: `vercel:${environment}`,
    variable,
    note: 'Vercel passes the key to your next deployment.',
    check: async (run) => mentions(await run(list), variable),
    async write(run, secret, replaces) {
      const add = ['env', 'add', variable, environment, ...allBranches, ...(replaces ? ['--force'] : [])];
      try {
        // Vercel CLI 60 asks how to store a secret for development, and then ends as if it had written it.
        await run([...add, '--yes'], secret);
      } catch (error) {
        // Older versions don't ask, and don't have the option.
        if (!(error instanceof CommandError && /unknown .*option: --yes/.test(error.message))) throw error;
        await run(add, secret);
      }
      if (mentions(await run(list), variable)) return;
      throw new CommandError(
        'file_error',
        `Can't write to ${name}: vercel reported success, but doesn't list the variable`,
      );
    },
  };
}

/** Returns a secret of a Fly.io app; without a name, of the app that `fly.toml` in the directory names. */
export function flySecret(app: string | undefined, variable: string): SecretPlace {
  const target = app === undefined ? [] : [`--app=${app}`];
  const name = `Fly.io app ${app ?? 'of this directory'}`;
  return {
    program: fly,
    name,
    words: `in the secret ${variable} of the ${name}`,
    option: app === undefined ? 'fly' : `fly:${app}`,
    variable,
    note: `The key is staged. Run \`fly secrets deploy${app === undefined ? '' : ` --app ${app}`}\` to pass it to the app.`,
    check: async (run) => mentions(await run(['secrets', 'list', ...target]), variable),
    write: async (run, secret) =>
      void (await run(['secrets', 'import', '--stage', ...target], `${variable}=${secret}\n`)),
  };
}

/** Returns a secret of a Cloudflare Worker; without a name, of the Worker that the configuration in the directory names. */
export function cloudflareSecret(worker: string | undefined, variable: string): SecretPlace {
  const target = worker === undefined ? [] : [`--name=${worker}`];
  const name = `Cloudflare Worker ${worker ?? 'of this directory'}`;
  return {
    program: wrangler,
    name,
    words: `in the secret ${variable} of the ${name}`,
    option: worker === undefined ? 'cloudflare' : `cloudflare:${worker}`,
    variable,
    check: async (run) => mentions(await run(['secret', 'list', ...target]), variable),
    write: (run, secret) =>
      withDiscardedLog('wrangler', async (file) => {
        // Its log has the answers of Cloudflare, and one that refuses a secret may quote it.
        await run(['secret', 'put', variable, ...target], secret, { WRANGLER_LOG_PATH: file });
      }),
  };
}

/** Runs a function with the path of a log file that keeps nothing. @param name - of the program that writes it */
async function withDiscardedLog(name: string, run: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cheapestinference-'));
  const file = path.join(folder, `${name}.log`);
  try {
    if (process.platform !== 'win32') symlinkSync('/dev/null', file);
    await run(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns whether a list has a name, whatever its format. Versions of these programs print tables, JSON or lines. */
function mentions(list: string, name: string, flags = ''): boolean {
  return new RegExp(`(?<![\\w-])${name}(?![\\w-])`, flags).test(list);
}
