import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Environment, User } from './cli.ts';
import { listAt, textAt } from './sandbox.ts';

const script = path.resolve('test/support/recording-program.cjs');

/** How a program answers. */
interface Answer {
  /** The first arguments that it answers. */
  readonly to: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly code?: number;
  /** Kills the program after its output. */
  readonly signal?: NodeJS.Signals;
  /** Whether it never ends. */
  readonly hangs?: true;
  /** Whether it prints its input as a part of an error. */
  readonly repeats?: true;
  /** The real program to run, with the same arguments and input. */
  readonly runs?: string;
  /** Additions to the environment of the real program. */
  readonly env?: Environment;
}

/** One run of a program. */
interface Run {
  readonly args: string;
  readonly stdin: string;
}

/** A program in the user's path that records how it is run. */
export interface RecordingProgram {
  /** Returns the runs up to now. Fails if a secret was in the arguments or the environment of any process. */
  runs(): Run[];
  /** Returns the runs as lines of arguments. */
  lines(): string[];
  /** Removes the record, which has the input. */
  forget(): void;
}

/** Installs a program for a user that records how it is run and passes everything on to a real one. */
export function recordedProgram(me: User, name: string, env: Environment = {}): RecordingProgram {
  const runs = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
  return recordingProgram(me, name, [{ to: '', runs, env }]);
}

/** A recorded program of Node.js that can't leave this machine. */
interface OfflineProgram extends RecordingProgram {
  /** Returns where it and the programs that it started tried to connect to, and where they had a secret. */
  violations(): string[];
}

/** Installs a program of Node.js for a user like `recordedProgram`, and keeps it from connecting to other machines. */
export function offlineProgram(me: User, name: string): OfflineProgram {
  const record = path.join(me.home, `${name}.violations`);
  const program = recordedProgram(me, name, {
    NODE_OPTIONS: `--require=${JSON.stringify(path.resolve('test/support/offline-node.cjs'))}`,
    OFFLINE_NODE_RECORD: record,
  });
  return {
    ...program,
    violations: () => (existsSync(record) ? readFileSync(record, 'utf8').trimEnd().split('\n') : []),
  };
}

/** Installs a program for a user. */
export function recordingProgram({ home }: User, name: string, answers: readonly Answer[]): RecordingProgram {
  const record = path.join(home, `${name}.runs`);
  const source = `#!${process.execPath}\nrequire(${JSON.stringify(script)}).play(${JSON.stringify(record)}, ${JSON.stringify(answers)});\n`;
  writeFileSync(path.join(home, 'bin', name), source, { mode: 0o755 });
  const runs = () => {
    if (!existsSync(record)) return [];
    return readFileSync(record, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const run: unknown = JSON.parse(line);
        const places = listAt(run, 'places');
        if (places.length > 0) throw new Error(`the secret was in ${places.join(', ')}`);
        return { args: listAt(run, 'args').join(' '), stdin: textAt(run, 'stdin') };
      });
  };
  return {
    runs,
    lines: () => runs().map(({ args }) => args),
    forget: () => rmSync(record, { force: true }),
  };
}
