import { rolldown } from 'rolldown';
import config from '../rolldown.config.mjs';

export async function chunks() {
  const [program] = config;
  const bundle = await rolldown({ ...program, logLevel: 'silent' });
  const { output } = await bundle.generate(program.output);
  await bundle.close();
  return new Map(
    output
      .filter(({ type }) => type === 'chunk')
      .map(({ fileName, code, imports, modules }) => [
        fileName,
        { bytes: Buffer.byteLength(code), imports, modules: Object.keys(modules), libraries: librariesOf(modules) },
      ]),
  );
}

/** Returns the package that contains a module; undefined if it is this one. */
function libraryOf(id) {
  return /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1];
}

function librariesOf(modules) {
  const libraries = new Map();
  for (const [id, { renderedLength }] of Object.entries(modules)) {
    const library = libraryOf(id);
    if (library && renderedLength > 0) libraries.set(library, (libraries.get(library) ?? 0) + renderedLength);
  }
  return libraries;
}

export function withImports(all, names) {
  const found = new Set();
  const add = (name) => {
    if (found.has(name) || !all.has(name)) return;
    found.add(name);
    for (const each of all.get(name).imports) add(each);
  };
  for (const name of names) add(name);
  return found;
}
