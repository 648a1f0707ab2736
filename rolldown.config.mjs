import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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

/** undici's HTTP/2 client loads http2, tls and crypto before it is known whether they are needed; only HTTP/1.1 is offered here. */
const withoutHttp2 = {
  name: 'without-http2',
  load: (id) =>
    id.endsWith('/undici/lib/dispatcher/client-h2.js')
      ? "module.exports = () => { throw new Error('HTTP/2 is not in this build'); };"
      : null,
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

if (existsSync('dist')) rmSync('dist', { recursive: true });

/** The parts of the completion scripts that are the same for every command tree. */
const moduleTypes = { '.bash': 'text', '.zsh': 'text', '.fish': 'text', '.ps1': 'text' };

const program = defineConfig({
  input: { main: 'src/main.ts', refresh: 'src/refresh.ts', 'update-check': 'src/update/check.ts' },
  platform: 'node',
  moduleTypes,
  plugins: [withoutChildProcess, withoutHttp2, licences],
  output: {
    dir: 'dist',
    format: 'cjs',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    minify: true,
    // What every start needs is one file: each file more costs a fraction of a millisecond.
    codeSplitting: {
      groups: [
        {
          name: 'start',
          test: /node_modules\/commander\/|src\/(?:commands\/(?:command|program)|domain\/(?:errors|secrets)|output\/text)\.ts$/,
        },
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
