import path from 'node:path';
import type { Context } from '../../context/context.ts';
import { findClipboard } from '../../output/clipboard.ts';
import { findShellProfile } from '../../output/shell-profile.ts';
import { SystemClipboard } from './clipboard.ts';
import type { Destination } from './destination.ts';
import { DotenvFile } from './dotenv-file.ts';
import { LocalKeyStore } from './key-store.ts';
import { Screen } from './screen.ts';
import { ShellStartupFile } from './shell-startup-file.ts';

/** The parts of the context that destinations use. */
type DestinationContext = Pick<
  Context,
  'clocks' | 'connections' | 'output' | 'profiles' | 'prompts' | 'settings' | 'world'
>;

/** A destination to choose from. */
export interface DestinationChoice {
  readonly name: string;
  /** What the list shows once it is chosen; default: its name. */
  readonly short?: string;
  readonly value: Destination;
}

/** Returns the destinations of each kind that this session can use. */
const kinds: readonly ((context: DestinationContext) => readonly DestinationChoice[])[] = [
  (context) => [
    {
      name: 'This machine (for `ci run`)',
      short: 'this machine',
      value: new LocalKeyStore(context),
    },
  ],
  (context) => [{ name: '.env in this directory', value: new DotenvFile(context, '.env') }],
  (context) => {
    const { env } = context.world;
    const profile = findShellProfile(env);
    if (!profile) return [];
    const what = context.settings.sandbox.value ? 'the sandbox key' : 'it';
    const name = `Load ${what} in new shells (edits ${fromHome(profile.file, env.HOME)})`;
    return [{ name, short: 'new shells', value: new ShellStartupFile(context, profile) }];
  },
  ({ world }) => {
    const clipboard = findClipboard(world.env);
    return clipboard ? [{ name: 'The clipboard', value: new SystemClipboard(clipboard) }] : [];
  },
  // A program that reads the result can't use a frame.
  (context) => (context.output.isForPeople ? [{ name: 'The screen (not saved)', value: new Screen(context) }] : []),
];

/** Returns the destinations to choose from. */
export function destinationChoices(context: DestinationContext): DestinationChoice[] {
  return kinds.flatMap((choices) => choices(context));
}

/** Returns a path as people write it, with `~` for the home directory. */
export function fromHome(file: string, home = ''): string {
  return home !== '' && file.startsWith(home + path.sep) ? `~${file.slice(home.length)}` : file;
}
