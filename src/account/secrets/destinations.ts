import path from 'node:path';
import type { Context } from '../../context/context.ts';
import { findClipboard } from '../../output/clipboard.ts';
import { findShellProfile } from '../../output/shell-profile.ts';
import { SystemClipboard } from './clipboard.ts';
import type { Destination } from './destination.ts';
import { DotenvFile } from './dotenv-file.ts';
import { Screen } from './screen.ts';
import { ShellStartupFile } from './shell-startup-file.ts';

/** What destinations depend on. */
type DestinationContext = Pick<Context, 'clocks' | 'output' | 'profiles' | 'prompts' | 'settings' | 'world'>;

/** A destination to choose from. */
export interface DestinationChoice {
  readonly name: string;
  /** What a list shows once it is chosen; default: its name. */
  readonly short?: string;
  readonly value: Destination;
}

/** Every kind of destination, as far as it can be used here. Another one is added to this list. */
const kinds: readonly ((context: DestinationContext) => readonly DestinationChoice[])[] = [
  (context) => [{ name: '.env in this folder', value: new DotenvFile(context, '.env') }],
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
  // In a result for programs, a frame would be in the way, and the screen is not where it goes.
  (context) => (context.output.isForPeople ? [{ name: 'The screen, once', value: new Screen(context) }] : []),
];

/** Returns the destinations to choose from. */
export function destinationChoices(context: DestinationContext): DestinationChoice[] {
  return kinds.flatMap((choices) => choices(context));
}

/** A path as people write it: what is in the home folder begins with `~`. */
function fromHome(file: string, home = ''): string {
  return home !== '' && file.startsWith(home + path.sep) ? `~${file.slice(home.length)}` : file;
}
