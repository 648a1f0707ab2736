import type { Rotation } from './rotation.ts';

/** The rotations that aren't finished: in files of this machine, or in a database. */
export interface RotationStore {
  /** What machines do together, if they share the store. */
  readonly shared?: SharedRotations;

  /**
   * Returns the rotations of an account, oldest first.
   *
   * @throws CommandError if they can't be read
   */
  of(account: string): Promise<readonly Rotation[]>;

  /** Stores a rotation durably. In a shared store, this process has to have taken it. @throws CommandError */
  save(rotation: Rotation): Promise<void>;

  /** Removes a rotation that is finished. @throws CommandError */
  remove(rotation: Rotation): Promise<void>;
}

/** A rotation in a store that machines share. */
export interface SharedRotation {
  readonly rotation: Rotation;
  /** Identifies the process that took it last; undefined if none has. */
  readonly worker: string | undefined;
  /** `running`: a process works on it. `stopped`: a process gave it up, because it failed. `free`: none has taken it, or that process died. */
  readonly state: 'running' | 'stopped' | 'free';
  /** The host name of the machine that began it, or named its place; undefined if that is this one. */
  readonly host: string | undefined;
}

/** A rotation to take, and who had taken it when the caller looked. */
export type WantedRotation = Pick<SharedRotation, 'rotation' | 'worker'>;

/** How machines share rotations. A process takes one before it works on it, and keeps it until it ends. */
export interface SharedRotations {
  /** Returns the rotations of an account, oldest first. @throws CommandError */
  of(account: string): Promise<readonly SharedRotation[]>;

  /** Adds rotations that any machine may take. One that is there already stays as it is. @throws CommandError */
  add(rotations: readonly Rotation[]): Promise<void>;

  /** Removes rotations that were added and that nobody has taken. @throws CommandError */
  withdraw(rotations: readonly Rotation[]): Promise<void>;

  /**
   * Takes rotations. Only one process gets each of them. Those whose new keys couldn't be told apart are taken together.
   *
   * @param wanted - rotations of one account. Those that another process took in the meantime are left out
   * @param count - about how many
   * @returns the rotations as they are stored now
   * @throws CommandError (busy), (state_unreachable)
   */
  take(wanted: readonly WantedRotation[], count: number): Promise<readonly SharedRotation[]>;

  /** Stores a rotation whose place is now one of this machine's, like {@link RotationStore.save}. @throws CommandError */
  saveHere(rotation: Rotation): Promise<void>;

  /** Gives up a rotation that failed. Others leave it until a later command. @throws CommandError */
  stop(rotation: Rotation): Promise<void>;

  /**
   * Waits until no other process works on any of some rotations, or one of them can be taken, because its process died.
   *
   * @param ids - of the old keys
   * @param onWait - called once if it has to wait. @param count - of rotations on which others work
   * @throws CommandError (busy), (state_unreachable), (interrupted)
   */
  awaitOthers(account: string, ids: readonly string[], onWait: (count: number) => void): Promise<void>;

  /** Reserves the time of the next request, as `WorkShare.reserve` does. @throws CommandError (state_unreachable) */
  reserve(account: string, rate: number): Promise<number>;
}
