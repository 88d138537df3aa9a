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
   * Seconds that one operation may wait for another process of ours.
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
 * Files are named, written and replaced as Django does it: a temporary file, renamed over the old one, so that nobody ever reads half of
 * one. Run both sides as the same user of the system: files are readable by their owner alone.
 *
 * **What is promised.** Processes that use this store never undo each other's changes: they take a lock, in the folder
 * `.sojourn-` + cookie name beside the files. Django knows no locks. What it wrote before our write began is never undone either, as every
 * write is compared with the file as it is then; between that comparison and the renaming there is a moment, some millionths of a
 * second, in which a write or a log-out by Django is lost. The other way round Django checks nothing: it overwrites what we wrote
 * while its request ran. Where that matters, use the `db` engine.
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
  /** What a file holds. */
  readonly format = "signed";
  /** What the names of the files begin with. */
  readonly cookieName: string;
  readonly #disk: Disk = nodeDisk(false);
  readonly #folder: string;
  readonly #work: string;
  readonly #timeout: number;
  /** What a look through the folder has still before it. */
  #left: string[] | undefined;

  private constructor(folder: string, cookieName: string, timeout: number) {
    this.cookieName = cookieName;
    this.#folder = folder;
    this.#work = `${folder}/.sojourn-${cookieName}`;
    this.#timeout = timeout;
  }

  /**
   * Opens the folder, which has to be there.
   *
   * @throws {TypeError} If the folder or an option is wrong, or others may write to the folder of our locks.
   * @throws {RangeError} If `timeout` is out of its range.
   * @throws {SessionError} `ERR_STORE` If there is no such folder, or it cannot be written to.
   */
  static async open(folder: string | URL, options: DjangoFileStoreOptions = {}): Promise<DjangoFileStore> {
    const path = folder instanceof URL ? fileURLToPath(folder) : folder;
    check("DjangoFileStore", "folder", is.path, path);
    const { cookieName, timeout } = checkOptions("DjangoFileStore", table, options);
    const store = new DjangoFileStore(resolve(path), cookieName, timeout);
    await orStoreError(() => store.#prepare());
    return store;
  }

  /** The file of a session key; a key that is no file name of Django's is not found. */
  load(key: string): Promise<DjangoRow | undefined> {
    return orStoreError(() => this.#read(key));
  }

  /** Makes a file; `false`: there is one. @throws {SessionError} `ERR_STORE` if the disk is in trouble. */
  create(key: string, row: DjangoRow): Promise<boolean> {
    return this.#change([this.#want(key, row)], (file) => {
      if (this.#disk.facts(this.#path(key))) return false;
      file.put(this.#path(key));
      return true;
    });
  }

  /** Replaces the file that still holds `was`. @throws {SessionError} `ERR_STORE` if the disk is in trouble. */
  replace(key: string, row: DjangoRow, was: string): Promise<boolean> {
    return this.#change([this.#want(key, row)], (file) => {
      if (this.#read(key)?.text !== was) return false;
      file.put(this.#path(key));
      return true;
    });
  }

  /**
   * Moves the file that still holds `was`. A process that is killed half way may leave the old one, as it was, beside the new.
   *
   * @throws {SessionError} `ERR_STORE` if the disk is in trouble.
   */
  rotate(oldKey: string, newKey: string, row: DjangoRow, was: string): Promise<boolean> {
    let isPut = false;
    return this.#change([this.#want(newKey, row), { key: this.#name(oldKey) }], (fresh, old) => {
      if (this.#read(oldKey)?.text !== was) {
        // Our own first try, whose second lock was broken after it had put the file
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

  /** Removes the file; whether there was one. @throws {SessionError} `ERR_STORE` if the disk is in trouble. */
  delete(key: string): Promise<boolean> {
    return this.#erase(key, () => true);
  }

  /** Removes expired files, at most `limit`; each call goes on where the last one stopped. */
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

  /** Everything that Django's own names are made of, and nothing that leads out of the folder. */
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
    // Read after the text: a file that was replaced in between seems younger than it is, never older
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
      throw new SessionError("ERR_STORE", "The folder of the Django site's sessions is not there");
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
/** Bytes that are none of Django's become characters that no signature fits. */
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
