/**
 * Sessions in files: one per session, for one machine, without any database.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { SessionError } from "../src/errors.ts";
import { handlesAll } from "../src/handled.ts";
import { check, checkOptions, type Table } from "../src/option_checks.ts";
import * as is from "../src/option_checks.ts";
import { checkInstant, checkInstants, checkMoment } from "./support/instants.ts";
import type {
  CountableStore,
  ListOptions,
  SessionPage,
  SessionRecord,
  StoredRecord,
  StoreStats,
} from "../src/store.ts";
import { RunningCalls } from "./support/running_calls.ts";
import { nodeDisk } from "./file/disk.ts";
import { keyPattern, openFolders } from "./file/layout.ts";
import { FileSessions } from "./file/records.ts";
import { Sweep } from "./file/sweep.ts";
import { checkPage } from "./support/pages.ts";
import { StatsCounter } from "./support/stats_counter.ts";

/** How a {@linkcode FileStore} behaves. */
export interface FileStoreOptions {
  /**
   * What an acknowledged change survives.
   *
   * - `"sync"`: a power failure. A new file is synced, then the folder that names it; a removal syncs the folder.
   * - `"os"`: a process that is killed at any moment, but not a crash of the machine. Nothing is synced: the system writes to the
   *   disk at its own pace, usually within half a minute. A session that was ended may be back after a power failure.
   *
   * @default "sync"
   */
  readonly durability?: "sync" | "os";
  /**
   * Seconds to wait for other processes that change the same session.
   *
   * @default 2
   */
  readonly timeout?: number;
  /**
   * The clock, in milliseconds since the epoch, for tests.
   *
   * @default () => Date.now()
   */
  readonly now?: () => number;
}

const table: Table<FileStoreOptions> = {
  durability: [is.oneOf("sync", "os"), "sync"],
  timeout: [is.seconds, 2],
  now: is.clock,
};

/**
 * A store that keeps each session in a file of its own, named by the storage key, below one folder.
 *
 * Any number of processes, on Deno and Bun alike, may use one folder at the same time; it must be on a local file system
 * with POSIX semantics. A change is all or nothing: readers see the old file or the new one, also when the process is
 * killed half way. Nothing that a killed process leaves behind blocks others for more than a second.
 *
 * The folder belongs to the store alone: mode 0700, files 0600, whatever the umask. Links, pipes, folders and devices
 * under a session's name are not followed and not kept open: they count as damaged records. So does a file in which a
 * single bit was changed, or that belongs under another name.
 *
 * On Deno it needs `--allow-read` and `--allow-write` for the folder and, until it exists, for its parent folders.
 *
 * @example
 * ```ts
 * import { FileStore } from "@sojourn/session/file";
 * import assert from "node:assert/strict";
 * import { mkdtempSync, rmSync } from "node:fs";
 *
 * const directory = mkdtempSync("/tmp/sessions-");
 * await using store = await FileStore.open(directory);
 * const now = Date.now();
 * const key = "5e".repeat(32);
 * await store.create(key, { data: "{}", createdAt: now, touchedAt: now, expiresAt: now + 60_000 });
 * assert.equal((await store.load(key))?.data, "{}");
 * rmSync(directory, { recursive: true });
 * ```
 */
export class FileStore implements CountableStore {
  readonly #sessions: FileSessions;
  readonly #sweep: Sweep;
  readonly #calls = new RunningCalls();

  private constructor(sessions: FileSessions) {
    this.#sessions = sessions;
    this.#sweep = new Sweep(sessions);
  }

  /**
   * Opens a folder, creates it if it is missing, and removes what killed processes left in it more than ten seconds ago.
   *
   * @throws {TypeError} If the directory or an option is wrong, others than the owner may write to the folder, it belongs
   * to another user, or it is no folder.
   * @throws {RangeError} If `timeout` is not above 0, or over a day.
   * @throws {SessionError} If the disk is full, read-only or broken (`ERR_STORE`).
   *
   * @example
   * ```ts
   * import { FileStore } from "@sojourn/session/file";
   * import assert from "node:assert/strict";
   *
   * await assert.rejects(FileStore.open("/tmp/sessions", { timeout: 0 }), RangeError);
   * ```
   */
  static async open(directory: string | URL, options: FileStoreOptions = {}): Promise<FileStore> {
    const path = directory instanceof URL ? fileURLToPath(directory) : directory;
    check("FileStore", "directory", is.path, path);
    const { durability, timeout, now } = checkOptions("FileStore", table, options);
    const disk = nodeDisk(durability === "sync");
    const folders = await orStoreError(() => openFolders(disk, path));
    return new FileStore(new FileSessions(disk, folders, timeout, now));
  }

  /** The record under `key`, or `undefined`. Reads one small file, without a lock. */
  load(key: string): Promise<StoredRecord | undefined> {
    return this.#run(key, () => this.#sessions.load(key));
  }

  /** Inserts a record if the key is free or its record has expired. Resolves to its version, or to `undefined` if the key is taken. */
  async create(key: string, record: SessionRecord): Promise<string | undefined> {
    checkInstants(record);
    return await this.#run(key, () => this.#sessions.create(key, record));
  }

  /** Replaces the record if it still has `version`, whichever process changes it. Resolves to the new version, or to `undefined`. */
  async save(key: string, record: SessionRecord, version: string): Promise<string | undefined> {
    checkInstants(record);
    return await this.#run(key, () => this.#sessions.save(key, record, version));
  }

  /** Removes whatever is under the session's name, even if it cannot be read. Resolves to whether there was anything. */
  delete(key: string): Promise<boolean> {
    return this.#run(key, () => this.#sessions.delete(key));
  }

  /** Moves `touchedAt` and `expiresAt` forward if the record still has `version`. Resolves to whether it had. */
  async touch(key: string, touchedAt: number, expiresAt: number, version: string): Promise<boolean> {
    checkInstant("touchedAt", touchedAt);
    checkInstant("expiresAt", expiresAt);
    return await this.#run(key, () => this.#sessions.touch(key, touchedAt, expiresAt, version));
  }

  /**
   * Removes at most `limit` records that expired at or before `now`, damaged ones whose file time has passed, and what
   * killed processes left behind. Each call continues where the last one stopped. There is no index of expiry times: a
   * call that finds few expired records reads the time of every file, which takes seconds for 100,000 of them.
   */
  async clearExpired(now: number, limit: number): Promise<number> {
    now = checkMoment("now", now);
    return await this.#run(undefined, () => this.#sweep.clearExpired(now, limit));
  }

  /** A page of one user's records, without their data, from an index of empty files; those that cannot be read are left out. */
  async list(userId: string, options: ListOptions = {}): Promise<SessionPage> {
    const { after, limit } = checkPage(options);
    return await this.#run(undefined, () => this.#sessions.list(userId, after, limit));
  }

  /** Reads and counts all records, folder by folder; `bounds` are ages in ms, ascending. */
  stats(now: number, bounds: readonly number[]): Promise<StoreStats> {
    return this.#run(undefined, async () => {
      const tally = new StatsCounter(now, bounds);
      await this.#sweep.count(tally);
      return tally.stats;
    });
  }

  /** Waits for running calls; later calls fail with `ERR_STORE`. No file is held open. */
  async close(): Promise<void> {
    await this.#calls.end();
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run<T>(key: string | undefined, work: () => T | Promise<T>): Promise<T> {
    if (key !== undefined && !keyPattern.test(key)) {
      throw new TypeError("Cannot use a storage key as it must be 64 lower-case hex digits");
    }
    return await this.#calls.run(() =>
      orStoreError(async () => {
        await this.#sessions.turn.yieldIfDue();
        return await work();
      })
    );
  }
}

handlesAll(FileStore);

async function orStoreError<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof SessionError || cause instanceof TypeError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
    throw new SessionError("ERR_STORE", `The session files cannot be read or written: ${code}`, { cause });
  }
}
