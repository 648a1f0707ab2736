import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { defineConfig } from 'rolldown';

/** Removes child_process, which commander loads for subcommands that are separate programs. `ci` has none. */
const withoutChildProcess = {
  name: 'without-child-process',
  transform(code, id) {
    if (!id.endsWith('/commander/lib/command.js')) return null;
    const [before, after, more] = code.split("require('node:child_process')");
    if (after === undefined || more !== undefined) throw new Error('commander now loads child_process in another way');
    return `${before}{}${after}`;
  },
};

/** Removes a check for another runtime from pg. It creates a `Response`, for which Node.js loads its HTTP client: 16 of pg's 27 ms. */
const withoutRuntimeCheck = {
  name: 'without-runtime-check',
  transform(code, id) {
    if (!id.endsWith('/pg/lib/stream.js')) return null;
    const [before, after, more] = code.split('if (isCloudflareRuntime())');
    if (after === undefined || more !== undefined) throw new Error('pg now checks its runtime in another way');
    return `${before}if (false)${after}`;
  },
};

/** Writes the licenses of the bundled packages to a file. */
const licenses = {
  name: 'licenses',
  generateBundle() {
    const packages = new Map();
    for (const id of this.getModuleIds()) {
      const at = id.lastIndexOf('node_modules/');
      if (at < 0 || id.startsWith('\0')) continue;
      const name = /^(?:@[^/]+\/)?[^/]+/.exec(id.slice(at + 'node_modules/'.length))[0];
      packages.set(name, path.join(id.slice(0, at), 'node_modules', name));
    }
    const texts = [...packages].sort().map(([name, folder]) => {
      const { version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
      return `${name} ${version} (${license})\n\n${file ? readFileSync(path.join(folder, file), 'utf8').trim() : ''}\n`;
    });
    this.emitFile({
      type: 'asset',
      fileName: 'THIRD-PARTY-LICENSES.txt',
      source: texts.join(`\n${'-'.repeat(80)}\n\n`),
    });
  },
};

/** Adds the code of the SQLite library, which it reads from a file next to it. */
const sqliteLibrary = {
  name: 'sqlite-library',
  generateBundle() {
    const name = 'node-sqlite3-wasm.wasm';
    const source = readFileSync(path.join(import.meta.dirname, 'node_modules/node-sqlite3-wasm/dist', name));
    this.emitFile({ type: 'asset', fileName: `chunks/${name}`, source });
  },
};

/** The templates of the completion scripts. */
const moduleTypes = { '.bash': 'text', '.zsh': 'text', '.fish': 'text', '.ps1': 'text' };

/** The main file of jsonc-parser loads others in a way that can't be bundled. */
const resolve = { alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' } };

const program = defineConfig({
  input: { main: 'src/main.ts', refresh: 'src/refresh.ts', 'update-check': 'src/update-check.ts' },
  platform: 'node',
  resolve,
  moduleTypes,
  plugins: [withoutChildProcess, withoutRuntimeCheck, licenses, sqliteLibrary],
  output: {
    dir: 'dist',
    cleanDir: true,
    format: 'cjs',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    minify: true,
    // Everything that each start needs is in one file, because each additional file costs a fraction of a millisecond.
    codeSplitting: {
      groups: [
        {
          name: 'start',
          priority: 4,
          test: /package\.json$|node_modules\/commander\/|src\/(?:main|commands\/index|cli\/(?:global-options|process|program|report|run|values|verb)|domain\/(?:counted|errors|formats|secrets)|output\/(?:text|sink|workflow-commands))\.ts$/,
        },
        // Each group includes what it needs and what isn't loaded yet: the context, pools, and the API.
        { name: 'context', priority: 3, test: /src\/(?:context\/create|output\/time)\.ts$/ },
        {
          name: 'pool',
          priority: 2,
          test: /src\/(?:cli\/options|account\/(?:pools|program)|domain\/subscription-status)\.ts$/,
        },
        // Nearly every command needs these on a terminal, and none without one.
        { name: 'terminal', priority: 2, test: /src\/output\/(?:color|spinner)\.ts$/ },
        { name: 'notice', priority: 2, test: /src\/update\/(?:known|notice)\.ts$/ },
        // The record needs schemas, but not the API. Payments need USDC, and would otherwise load the API for it.
        { name: 'schemas', priority: 2, test: /node_modules\/zod\/|src\/domain\/usdc\.ts$/ },
        { name: 'api', priority: 1, test: /src\/api\/index\.ts$/ },
      ],
    },
  },
});

/** Options for a program of a single file, because shared chunks would be loaded completely. */
const alone = {
  platform: 'node',
  // Loads the URL of a module only where it is used.
  transform: { define: { 'import.meta.url': "process.getBuiltinModule('node:url').pathToFileURL(__filename).href" } },
  output: { dir: 'dist', format: 'cjs', entryFileNames: '[name].js', minify: true, codeSplitting: false },
};

/** The program that a shell runs at a Tab. */
const complete = defineConfig({ ...alone, input: { complete: 'src/complete.ts' } });

/** The program for simple commands that must start fast. On Windows, the whole program runs them. */
const quick = defineConfig({ ...alone, input: { quick: 'src/quick.ts' }, external: ['cross-spawn'] });

/** Returns the options for the code of a standalone binary. @param keyring - the native binding of the system keychain */
export function standalone(platform, keyring) {
  const embedded = {
    name: 'embedded',
    resolveId(source, importer) {
      if (source === './keyring.ts') return this.resolve('./embedded-keyring.ts', importer);
      if (source.endsWith('/open-database.ts')) {
        return this.resolve(source.replace('open-database.ts', 'open-embedded-database.ts'), importer);
      }
      return source === 'embedded-keyring.node' ? `\0${source}` : null;
    },
    load: (id) =>
      id === '\0embedded-keyring.node'
        ? `import file from ${JSON.stringify(keyring)} with { type: 'file' }; export default file;`
        : null,
  };
  return {
    ...program,
    input: { standalone: 'src/standalone.ts' },
    plugins: [embedded],
    external: [keyring, 'bun:sqlite'],
    transform: { define: { PLATFORM: JSON.stringify(platform) } },
    output: {
      ...program.output,
      cleanDir: false,
      format: 'esm',
      // Simple commands load only this, and not what each other start needs.
      codeSplitting: {
        groups: [{ name: 'quick', priority: 5, test: /src\/quick\.ts$/ }, ...program.output.codeSplitting.groups],
      },
    },
  };
}

export default [program, complete, quick];
