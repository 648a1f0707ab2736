import { writeSync } from 'node:fs';
import { version } from '../package.json';
import { versionInWords } from './domain/version.ts';

/** The platform of this binary, such as `linux-x64-musl`. The build replaces it. */
declare const PLATFORM: string;

const [first = '', ...rest] = process.argv.slice(2);

/** Programs that the npm package has as files of their own. */
const programs: Readonly<Record<string, () => Promise<void>>> = {
  async '--complete'() {
    const { complete } = await import('./completion/complete.ts');
    await complete(rest, ['--refresh-names']);
  },
  async '--refresh-names'() {
    const { refresh } = await import('./completion/refresh.ts');
    await refresh(rest);
  },
  async '--check-update'() {
    const { checkUpdate } = await import('./update/check.ts');
    await checkUpdate(rest[0] ?? '', process.env);
  },
};
const program = Object.hasOwn(programs, first) ? programs[first] : undefined;

const main = () =>
  import('./main.ts').then(({ main }) =>
    main({ platform: PLATFORM, program: process.execPath, updateCheck: ['--check-update'] }),
  );

if (program) {
  const exit = () => process.exit(0);
  program().then(exit, exit);
} else if (first === 'run' || (first === 'keys' && rest[0] === 'secret')) {
  void import('./quick.ts')
    .then(({ quick }) => quick([first, ...rest]))
    .then((isDone) => (isDone ? undefined : main()));
} else if (!((first === '--version' || first === '-V') && rest.length === 0 && printsVersion())) {
  void main();
}

/** Writes the version. If that fails, the whole program does it, and reports why. */
function printsVersion(): boolean {
  try {
    writeSync(1, `${versionInWords(version, PLATFORM)}\n`);
    return true;
  } catch {
    return false;
  }
}
