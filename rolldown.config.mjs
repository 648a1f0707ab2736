import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { defineConfig } from 'rolldown';

/** commander loads child_process for subcommands that are programs of their own; there are none here. */
const withoutChildProcess = {
  name: 'without-child-process',
  transform(code, id) {
    if (!id.endsWith('/commander/lib/command.js')) return null;
    const [before, after, more] = code.split("require('node:child_process')");
    if (after === undefined || more !== undefined) throw new Error('commander loads child_process in another way now');
    return `${before}{}${after}`;
  },
};

/** Parts of undici that are never used here, and would be parsed at every request: HTTP/2, and bodies that are no text (fetch's). */
const unused = ['/undici/lib/dispatcher/client-h2.js', '/undici/lib/web/fetch/body.js'];
const withoutUnused = {
  name: 'without-unused',
  load: (id) =>
    unused.some((end) => id.endsWith(end))
      ? `module.exports = new Proxy(() => {}, { apply: fail, get: fail });
         function fail() { throw new Error('${path.basename(id)} of undici is not in this build'); }`
      : null,
};

/**
 * What undici needs of modules of Node.js that take longer to load than undici: it checks itself with node:assert, tells a message
 * of node:http from other streams, and takes from it how long headers may be, which is Node.js's default here.
 */
const light = {
  'node:assert': `module.exports = function assert(holds, message = 'undici contradicts itself') {
    if (!holds) throw message instanceof Error ? message : new Error(message);
  };`,
  'node:http': 'module.exports = { IncomingMessage: class {}, maxHeaderSize: 16_384 };',
};
const lightModules = {
  name: 'light-modules',
  resolveId: (source, importer) => (light[source] && importer?.includes('/undici/') ? `\0light:${source}` : null),
  load: (id) => (id.startsWith('\0light:') ? light[id.slice('\0light:'.length)] : null),
};

/**
 * undici's parsers are texts in JavaScript that hold WebAssembly; as files of their own only the one in use is read, and no text
 * parsed. Of the tables that belong to them two are used.
 */
const tables = ['ERROR', 'TYPE'];
const parsersAsFiles = {
  name: 'parsers-as-files',
  load(id) {
    const [, name] = /\/undici\/lib\/llhttp\/(llhttp(?:_simd)?-wasm|constants)\.js$/.exec(id) ?? [];
    if (!name) return null;
    const content = createRequire(id)(id);
    if (name === 'constants') {
      return `module.exports = ${JSON.stringify(Object.fromEntries(tables.map((each) => [each, content[each]])))};`;
    }
    const fileName = `${name.replace('-wasm', '')}.wasm`;
    this.emitFile({ type: 'asset', fileName: `chunks/${fileName}`, source: content });
    return `module.exports = require('node:fs').readFileSync(require('node:path').join(__dirname, '${fileName}'));`;
  },
  transform(code, id) {
    if (!code.includes('llhttp/constants.js')) return null;
    const others = [...code.matchAll(/\bconstants\.([A-Z]\w*)/g)].filter(([, name]) => !tables.includes(name));
    if (others.length > 0) throw new Error(`${id} uses ${others.join(', ')} too`);
    return null;
  },
};

/** The bundle holds other people's code: their licences go with it. */
const licences = {
  name: 'licences',
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

/** The parts of the completion scripts that are the same for every command tree. */
const moduleTypes = { '.bash': 'text', '.zsh': 'text', '.fish': 'text', '.ps1': 'text' };

const program = defineConfig({
  input: { main: 'src/main.ts', refresh: 'src/refresh.ts', 'update-check': 'src/update/check.ts' },
  platform: 'node',
  moduleTypes,
  plugins: [withoutChildProcess, withoutUnused, lightModules, parsersAsFiles, licences],
  output: {
    dir: 'dist',
    cleanDir: true,
    format: 'cjs',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    minify: true,
    // What every start needs is one file: each file more costs a fraction of a millisecond.
    codeSplitting: {
      groups: [
        {
          name: 'start',
          priority: 4,
          test: /package\.json$|node_modules\/commander\/|src\/(?:main|commands\/index|cli\/(?:global-options|process|program|report|run|values|verb)|domain\/(?:errors|formats|secrets)|output\/(?:text|sink|workflow-commands))\.ts$/,
        },
        // Each with all that it needs and has not yet: what every command does, what pools are, and the API.
        { name: 'context', priority: 3, test: /src\/(?:context\/create|output\/time)\.ts$/ },
        { name: 'pool', priority: 2, test: /src\/(?:cli\/options|account\/pools)\.ts$/ },
        // What nearly every command on a terminal needs, and none off it.
        { name: 'terminal', priority: 2, test: /src\/output\/(?:color|spinner)\.ts$/ },
        { name: 'notice', priority: 2, test: /src\/update\/(?:known|notice)\.ts$/ },
        // The record reads its lines with schemas, and does without the API.
        { name: 'schemas', priority: 2, test: /node_modules\/zod\// },
        { name: 'api', priority: 1, test: /src\/api\/index\.ts$/ },
      ],
    },
  },
});

/** What a shell runs at a Tab: one file of its own, as what it shares with the program would be loaded whole. */
const complete = defineConfig({
  input: { complete: 'src/complete.ts' },
  platform: 'node',
  output: { dir: 'dist', format: 'cjs', entryFileNames: '[name].js', minify: true, codeSplitting: false },
});

export default [program, complete];
