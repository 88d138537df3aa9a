/** Django's file engine: a file for each session in `SESSION_FILE_PATH`. */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SessionError } from "../../../src/errors.ts";
import { check, checkOptions, type Table } from "../../../src/option_checks.ts";
import * as is from "../../../src/option_checks.ts";
import { handlesAll } from "../../../src/handled.ts";
import {
  hold,
  type Lock,
  LockLost,
  type LockRequest,
  type LockTimeout,
  retryUntilTimeout,
} from "../../file/lock.ts";
import { type Disk, failedWith, nodeDisk } from "../../file/disk.ts";
import { pause } from "../../support/stats_counter.ts";
import type { DjangoEngine, DjangoRow } from "./engine.ts";

/** Settings of a {@linkcode DjangoFileStore}. */
export interface DjangoFileStoreOptions {
  /**
   * Django's `SESSION_COOKIE_NAME`, which the names of its files begin with.
   * @default "sessionid"
   */
  readonly cookieName?: string;
  /**
   * The seconds that one operation may wait for other processes that use this store.
   * @default 2
   */
  readonly timeout?: number;
}

const isCookieName = (name: string) => /^[\w!#$%&'*+.^`|~-]+$/.test(name);
const table: Table<DjangoFileStoreOptions> = {
  cookieName: [is.text("the name of a cookie", isCookieName), "sessionid"],
  timeout: [is.seconds, 2],
};
/** Nobody is at work on one change for so long, in ms. */
const abandoned = 10_000;

/**
 * The sessions of a Django site with `SESSION_ENGINE = "django.contrib.sessions.backends.file"`.
 *
 * Files are named, written and replaced as Django does it: a temporary file is renamed over the old one, so that a partial file is never
 * read. Run both sides as the same system user: files are readable by their owner only.
 *
 * **Guarantees.** Processes that use this store never undo each other's changes: they take a lock, in the folder `.sojourn-` + cookie name
 * next to the files. Django does not use locks. Its earlier writes are never undone either, as every write is first compared with the
 * current file; but between that comparison and the rename there is a window of some microseconds in which a write or a logout by Django
 * is lost. Django in turn checks nothing: it overwrites what was written here during its request. Where that matters, use the `db` engine.
 *
 * @example
 * ```ts
 * import { DjangoFileStore } from "@sojourn/session/django";
 * import assert from "node:assert/strict";
 * import { mkdtempSync, readdirSync, rmSync } from "node:fs";
 *
 * const folder = mkdtempSync("/tmp/django-");
 * const store = await DjangoFileStore.open(folder);
 * await store.create("0bx7fsq7qztrm9xmy96yli5n76090kha", { text: "e30:1r31eq:…", expiresAt: Date.now() + 60_000 });
 * assert.ok(readdirSync(folder).includes("sessionid0bx7fsq7qztrm9xmy96yli5n76090kha"));
 * rmSync(folder, { recursive: true });
 * ```
 */
export class DjangoFileStore implements DjangoEngine {
  /** The form of the texts in the files. */
  readonly format = "signed";
  /** The prefix of the file names. */
  readonly cookieName: string;
  readonly #disk: Disk = nodeDisk(false);
  readonly #folder: string;
  readonly #work: string;
  readonly #timeout: number;
  /** The files that the current pass through the folder has not checked yet. */
  #left: string[] | undefined;

  private constructor(folder: string, cookieName: string, timeout: number) {
    this.cookieName = cookieName;
    this.#folder = folder;
    this.#work = `${folder}/.sojourn-${cookieName}`;
    this.#timeout = timeout;
  }

  /**
   * Opens the folder, which must exist.
   *
   * @throws {TypeError} If the folder or an option is invalid, or others may write to the folder of locks.
   * @throws {RangeError} If `timeout` is out of range.
   * @throws {SessionError} If the folder does not exist or cannot be written to (`ERR_STORE`).
   */
  static async open(folder: string | URL, options: DjangoFileStoreOptions = {}): Promise<DjangoFileStore> {
    const path = folder instanceof URL ? fileURLToPath(folder) : folder;
    check("DjangoFileStore", "folder", is.path, path);
    const { cookieName, timeout } = checkOptions("DjangoFileStore", table, options);
    const store = new DjangoFileStore(resolve(path), cookieName, timeout);
    await orStoreError(() => store.#prepare());
    return store;
  }

  /** The file of a session key; a key that Django would not use as a file name is not found. */
  load(key: string): Promise<DjangoRow | undefined> {
    return orStoreError(() => this.#read(key));
  }

  /**
   * Creates a file. Resolves to `false` if there is one.
   *
   * @throws {SessionError} If the disk fails (`ERR_STORE`).
   */
  create(key: string, row: DjangoRow): Promise<boolean> {
    return this.#change([this.#want(key, row)], (file) => {
      if (this.#disk.facts(this.#path(key))) return false;
      file.put(this.#path(key));
      return true;
    });
  }

  /**
   * Replaces the file if it still holds `was`. Resolves to whether it did.
   *
   * @throws {SessionError} If the disk fails (`ERR_STORE`).
   */
  replace(key: string, row: DjangoRow, was: string): Promise<boolean> {
    return this.#change([this.#want(key, row)], (file) => {
      if (this.#read(key)?.text !== was) return false;
      file.put(this.#path(key));
      return true;
    });
  }

  /**
   * Moves the file if it still holds `was`. A process that is killed half way may leave the old file, unchanged, next to the new one.
   *
   * @throws {SessionError} If the disk fails (`ERR_STORE`).
   */
  rotate(oldKey: string, newKey: string, row: DjangoRow, was: string): Promise<boolean> {
    let isPut = false;
    return this.#change([this.#want(newKey, row), { key: this.#name(oldKey) }], (fresh, old) => {
      if (this.#read(oldKey)?.text !== was) {
        // This call's first attempt, whose second lock was broken after it had created the file
        if (isPut) this.#disk.clear(this.#path(newKey));
        return false;
      }
      if (!isPut && this.#disk.facts(this.#path(newKey))) return false;
      fresh.put(this.#path(newKey));
      isPut = true;
      old.remove(this.#path(oldKey));
      return true;
    });
  }

  /**
   * Removes the file. Resolves to whether there was one.
   *
   * @throws {SessionError} If the disk fails (`ERR_STORE`).
   */
  delete(key: string): Promise<boolean> {
    return this.#erase(key, () => true);
  }

  /** Removes at most `limit` expired files; each call continues where the last one stopped. */
  clearExpired(
    now: number,
    limit: number,
    endOf: (row: DjangoRow) => number | undefined | Promise<number | undefined>,
  ): Promise<number> {
    return orStoreError(async () => {
      this.#clearAbandoned();
      const names = this.#left ??
        this.#disk.names(this.#folder).filter((name) => name.startsWith(this.cookieName));
      let removed = 0;
      for (let seen = 0; removed < limit && names.length > 0; seen++) {
        if (seen % 64 === 63) await pause();
        const key = names.pop()!.slice(this.cookieName.length);
        const row = this.#read(key);
        const end = row && await endOf(row);
        if (end === undefined || end >= now) continue;
        if (await this.#erase(key, (text) => text === row!.text)) removed++;
      }
      this.#left = names.length > 0 ? names : undefined;
      return removed;
    });
  }

  /** The characters of Django's own names, none of which can lead out of the folder. */
  #name(key: string): string {
    return /^[a-z0-9]{8,200}$/.test(key) ? this.cookieName + key : "";
  }

  #path(key: string): string {
    return `${this.#folder}/${this.#name(key)}`;
  }

  #read(key: string): DjangoRow | undefined {
    if (this.#name(key) === "") return undefined;
    const bytes = this.#disk.read(this.#path(key));
    if (!bytes) return undefined;
    // Read after the text: a file that was replaced in between may seem newer than it is, never older
    const savedAt = this.#disk.facts(this.#path(key))?.time;
    return savedAt === undefined ? undefined : { text: latin1.decode(bytes), savedAt };
  }

  #want(key: string, { text }: DjangoRow): LockRequest {
    return { key: this.#name(key), file: { bytes: utf8.encode(text), time: Date.now() } };
  }

  #erase(key: string, allowed: (text: string) => boolean): Promise<boolean> {
    if (this.#name(key) === "") return Promise.resolve(false);
    return this.#change([{ key: this.#name(key) }], (claim) => {
      const row = this.#read(key);
      if (row === undefined || !allowed(row.text)) return false;
      claim.remove(this.#path(key));
      return true;
    });
  }

  #change(wants: readonly LockRequest[], act: (...claims: Lock[]) => boolean): Promise<boolean> {
    if (wants.some(({ key }) => key === "")) return Promise.resolve(false);
    return orStoreError(() =>
      retryUntilTimeout(this.#timeout, async (patience: LockTimeout) => {
        try {
          return await hold(this.#disk, this.#work, wants, patience, act);
        } catch (error) {
          if (error instanceof LockLost) this.#prepare();
          throw error;
        }
      })
    );
  }

  #prepare(): void {
    if (!this.#disk.facts(this.#folder)) {
      throw new SessionError("ERR_STORE", "The folder of the Django site's sessions does not exist");
    }
    try {
      this.#disk.makeFolder(this.#work);
    } catch (error) {
      if (!failedWith(error, "EEXIST")) throw error;
    }
    const facts = this.#disk.facts(this.#work);
    if (!facts?.isFolder || (facts.mode & 0o022) !== 0) {
      throw new TypeError("Cannot use the folder of locks: expected one that only its owner may write to");
    }
  }

  #clearAbandoned(): void {
    for (const name of this.#disk.names(this.#work)) {
      const facts = this.#disk.facts(`${this.#work}/${name}`);
      if (facts && facts.time < Date.now() - abandoned) this.#disk.clear(`${this.#work}/${name}`);
    }
  }
}

handlesAll(DjangoFileStore);

const utf8: TextEncoder = new TextEncoder();
/** Bytes that Django did not write become characters that do not match any signature. */
const latin1: TextDecoder = new TextDecoder("latin1");

async function orStoreError<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SessionError || error instanceof TypeError) throw error;
    throw new SessionError("ERR_STORE", "The folder of the Django site's sessions cannot be used", {
      cause: error,
    });
  }
}
