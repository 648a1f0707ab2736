import type { Environment } from '../../domain/environment.ts';
import type { Clocks } from '../../domain/pace.ts';
import type { RecordedAccount } from '../change-log.ts';
import { lockOwner, withLock } from '../lock.ts';
import type { State, StateLock, UndeliveredFile } from '../state.ts';
import { OwnWork, type SharedWork, type WorkShare } from '../work-share.ts';
import { FileChangeLog } from './file-change-log.ts';
import { History } from './history.ts';
import type { RotationFiles } from './rotation-files.ts';

/** What the state in files depends on. */
interface FileStateOptions {
  /** The directory of the files. */
  readonly folder: string;
  readonly env: Environment;
  readonly clocks: Clocks;
  /** Called once if another process has a lock. */
  readonly onWait: () => void;
  /** The hint if the directory can't be written. */
  readonly hint: string;
}

/** The state in files, which the processes of this machine share. */
export class FileState implements State {
  readonly changes: FileChangeLog;
  readonly #options: FileStateOptions;

  constructor(options: FileStateOptions) {
    const { folder, env, clocks } = options;
    this.#options = options;
    this.changes = new FileChangeLog(new History(folder, env, clocks.wall));
  }

  /** A key has its own record on a machine. */
  async account(own: RecordedAccount): Promise<RecordedAccount> {
    return own;
  }

  exclusively<Result>({ name, patience }: StateLock, work: () => Promise<Result>): Promise<Result> {
    const { folder, env, clocks, onWait, hint } = this.#options;
    const { monotonic, sleep: pause } = clocks;
    return withLock({ folder, name, env, patience, monotonic, pause, onWait, hint }, work);
  }

  share<Result>(lock: StateLock, { rows }: SharedWork, part: (share: WorkShare) => Promise<Result>): Promise<Result> {
    return this.exclusively(lock, () => part(new OwnWork(rows)));
  }

  async rotations(): Promise<RotationFiles> {
    const { folder, env } = this.#options;
    const { RotationFiles } = await import('./rotation-files.ts');
    return new RotationFiles(folder, env);
  }

  async isLocked(name: string): Promise<boolean> {
    return lockOwner(this.#options.folder, name) !== undefined;
  }

  /** The processes of this machine see at once that a process has ended, and its locks last until then. */
  mayLeave(): undefined {}

  async shareUndelivered(): Promise<readonly UndeliveredFile[]> {
    return [];
  }

  async close(): Promise<void> {}
}
