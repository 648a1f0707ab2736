/**
 * The layers of src/, from top to bottom. A module imports only from its own folder and from the layers below it, not from another
 * folder in its layer.
 */
const layers = [
  ['standalone.ts'],
  ['main.ts', 'complete.ts', 'quick.ts', 'refresh.ts', 'update-check.ts'],
  ['commands'],
  ['cli'],
  ['completion', 'quick'],
  ['account-file', 'payment', 'tools'],
  ['gateway', 'watch'],
  ['account'],
  ['wallet'],
  ['context'],
  ['sandbox', 'update', 'prompts'],
  ['chain'],
  ['output', 'api'],
  ['config'],
  ['state'],
  ['programs', 'documents'],
  ['domain'],
];

/** The programs: the bundler's input, and modules that a standalone binary has instead of others. */
const entries = [
  '^src/(?:main|complete|quick|refresh|update-check|standalone)\\.ts$',
  '^src/config/embedded-keyring\\.ts$',
  '^src/state/sqlite/open-embedded-database\\.ts$',
];

function modulesOf(name) {
  return name.endsWith('.ts') ? `^src/${name.replace('.', '\\.')}$` : `^src/${name}/`;
}

function arrowsDown(name, level) {
  const notBelow = layers.slice(0, level + 1).flat();
  return {
    name: `${name}-imports-only-from-below`,
    comment: `src/${name} imports from itself and from the layers below it.`,
    severity: 'error',
    from: { path: modulesOf(name) },
    // No path would mean any.
    to: { path: ['^$', ...notBelow.filter((other) => other !== name).map(modulesOf)] },
  };
}

export default {
  forbidden: [
    ...layers.flatMap((names, level) => names.map((name) => arrowsDown(name, level))),
    {
      name: 'in-a-layer',
      comment: 'Add the new folder of src/ to the layers in .dependency-cruiser.mjs.',
      severity: 'error',
      from: { path: '^src/', pathNot: layers.flat().map(modulesOf) },
      to: {},
    },
    {
      name: 'no-circles',
      comment: 'Modules must not import each other, not even types.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'commands-of-one-noun',
      comment: 'Code that two nouns need belongs in src/account or src/cli.',
      severity: 'error',
      from: { path: '^src/commands/([^/]+?)(?:/|\\.ts$)', pathNot: '^src/commands/index\\.ts$' },
      to: { path: '^src/commands/', pathNot: '^src/commands/$1(?:/|\\.ts$)' },
    },
    {
      name: 'reachable',
      comment: 'No program loads this module.',
      severity: 'error',
      from: { path: entries },
      to: { path: '^src/', pathNot: [...entries, '\\.d\\.ts$'], reachable: false },
    },
    {
      name: 'resolvable',
      comment: 'The other rules ignore an import of a missing file.',
      severity: 'error',
      from: {},
      // The build of a standalone binary, or the runtime, resolves these.
      to: { couldNotResolve: true, pathNot: '^(?:embedded-keyring\\.node|(?:bun|node):sqlite)$' },
    },
  ],
  options: {
    // TypeScript 7 has no compiler API in JavaScript. This parser counts imports of types too.
    parser: 'swc',
    doNotFollow: { path: '^node_modules/' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
