/**
 * The lock of one session, built from file names alone, which a killed process cannot hold for long.
 *
 * A writer stages a folder `work/<token>` that holds one item, `<token>`: its new file, or a folder for what it will
 * remove. It takes the lock by renaming the staged folder to `work/<key>`, which fails while something is in there. It
 * then acts only by renames whose path goes through its item: the new file out to its place, or the old file into the
 * item. It releases the lock by removing its item; an empty folder is not a lock.
 *
 * Why this is safe: tokens are never used twice, items come into `work/<key>` only with a staged folder and only when
 * it is empty, and no item is ever moved elsewhere. So at most one item is in there, and while it is, no other writer can
 * change the session. Anyone may break a lock at any time by removing the item: if its owner is still alive,
 * its next rename finds no such path, changes nothing, and the owner starts again (`LockLost`). Hence no clock, pid or host
 * decides about safety; time only decides when to stop waiting for a holder. There is no `await` between taking a lock and
 * acting, so within one process a lock is never found held. All staging is in one folder, of the same file system as
 * the sessions, so that the next start finds what was left without looking through a million of them.
 */

import { SessionError } from "../../src/errors.ts";
import { type Disk, failedWith } from "./disk.ts";

/** Another process broke the lock or removed the staged folder. Nothing was changed: start again. */
export class LockLost extends Error {}

/** 96 random bits. */
export function token(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(12))).toString("base64url");
}

/** How long one operation keeps trying, and when it considers a holder dead. */
export class LockTimeout {
  readonly #seconds: number;
  readonly #start = performance.now();
  #holder: string | undefined;
  #since = 0;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** Whether the same holder has been seen for a second, or for half of the timeout. */
  isOver(holder: string): boolean {
    const now = performance.now();
    if (holder !== this.#holder) {
      [this.#holder, this.#since] = [holder, now];
      return false;
    }
    return now - this.#since >= Math.min(1000, this.#seconds * 500);
  }

  /** Waits a few milliseconds, with jitter. */
  async pause(): Promise<void> {
    if (performance.now() - this.#start >= this.#seconds * 1000) {
      throw new SessionError("ERR_STORE", `The session was locked by others for ${this.#seconds} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 7));
  }
}

/** What to stage: the content of a new file and the instant (ms) for its file time, or nothing for a removal. */
export interface LockRequest {
  readonly key: string;
  readonly file?: { readonly bytes: Uint8Array; readonly time: number };
}

/** One staged folder, and the lock that it becomes. */
export class Lock {
  readonly key: string;
  readonly #disk: Disk;
  readonly #work: string;
  readonly #token = token();
  #folder: string;
  #leftovers: string[] = [];

  constructor(disk: Disk, work: string, key: string) {
    this.key = key;
    this.#disk = disk;
    this.#work = work;
    this.#folder = `${work}/${this.#token}`;
  }

  get #item(): string {
    return `${this.#folder}/${this.#token}`;
  }

  async stage({ file }: LockRequest): Promise<void> {
    try {
      this.#disk.makeFolder(this.#folder);
      if (file) await this.#disk.write(this.#item, file.bytes, file.time);
      else this.#disk.makeFolder(this.#item);
    } catch (error) {
      throw failedWith(error, "ENOENT") ? new LockLost() : error;
    }
  }

  /** Tries to take the lock. Breaks the lock of another holder that has kept it for too long. */
  take(patience: LockTimeout): boolean {
    const lock = `${this.#work}/${this.key}`;
    try {
      this.#disk.move(this.#folder, lock);
      this.#folder = lock;
      return true;
    } catch (error) {
      if (failedWith(error, "ENOENT")) throw new LockLost();
      if (!failedWith(error, "ENOTEMPTY", "EEXIST")) throw error;
      const holder = this.#disk.names(lock)[0];
      if (holder !== undefined && patience.isOver(holder)) this.#disk.clear(`${lock}/${holder}`);
      return false;
    }
  }

  /** Moves the new file to its place, which also frees the lock. */
  put(path: string): void {
    this.#move(this.#item, path);
  }

  /** Moves a file that is known to exist out of the way. */
  remove(path: string): void {
    const to = `${this.#item}/${this.#leftovers.length}`;
    this.#move(path, to);
    this.#leftovers.push(to);
  }

  /** Removes whatever is left of the lock; never throws, and needs no descriptor for files. */
  release(): void {
    for (const path of this.#leftovers) this.#tryTo("remove", path) || this.#tryTo("clear", path);
    this.#tryTo("remove", this.#item) || this.#tryTo("removeFolder", this.#item);
    this.#tryTo("removeFolder", this.#folder);
  }

  #tryTo(act: "remove" | "removeFolder" | "clear", path: string): boolean {
    try {
      this.#disk[act](path);
      return true;
    } catch {
      return false; // gone already, or left for the next sweep
    }
  }

  #move(from: string, to: string): void {
    try {
      this.#disk.move(from, to);
    } catch (error) {
      throw failedWith(error, "ENOENT") ? new LockLost() : error;
    }
  }
}

/** Stages all requests, takes their locks, and runs `act`, which must be synchronous, while holding them. */
export async function hold<T>(
  disk: Disk,
  work: string,
  wants: readonly LockRequest[],
  patience: LockTimeout,
  act: (...claims: Lock[]) => T,
): Promise<T> {
  const claims: Lock[] = [];
  try {
    for (const want of wants) {
      const claim = new Lock(disk, work, want.key);
      claims.push(claim);
      await claim.stage(want);
    }
    for (const [index, claim] of claims.entries()) {
      while (!claim.take(patience)) {
        if (index > 0) throw new LockLost(); // never wait for one lock while holding another
        await patience.pause();
      }
    }
    return act(...claims);
  } finally {
    for (const claim of claims) claim.release();
  }
}

/** Runs `attempt` until it does not lose its lock. */
export async function retryUntilTimeout<T>(
  seconds: number,
  attempt: (patience: LockTimeout) => Promise<T>,
): Promise<T> {
  const patience = new LockTimeout(seconds);
  for (;;) {
    try {
      return await attempt(patience);
    } catch (error) {
      if (!(error instanceof LockLost)) throw error;
    }
    await patience.pause();
  }
}
