/** The operations on sessions, each a change of one file under that session's lock. */

import { SessionError } from "../../src/errors.ts";
import type {
  IndexedRecord,
  SessionPage,
  SessionRecord,
  SessionSummary,
  StoredRecord,
} from "../../src/store.ts";
import {
  hold,
  type Lock,
  LockLost,
  type LockRequest,
  LockTimeout,
  retryUntilTimeout,
  token,
} from "./lock.ts";
import type { Disk } from "./disk.ts";
import type { Folders } from "./layout.ts";
import { decodeFile, decodeSummary, encodeFile, summaryBytes } from "./format.ts";
import { TimeSlice } from "./time_slice.ts";
import { Users } from "./users.ts";

/** The condition of `erase`: it receives the record, or `undefined` if that cannot be read. */
type Condition = (current: StoredRecord | undefined) => boolean;

function isDamaged(error: unknown): boolean {
  return error instanceof SessionError && error.code === "ERR_DAMAGED";
}

export class FileSessions {
  readonly disk: Disk;
  readonly folders: Folders;
  readonly users: Users;
  /** Of all work on this folder: two pieces in one turn share what it may hold. */
  readonly turn: TimeSlice = new TimeSlice();
  readonly #seconds: number;
  readonly #now: () => number;

  constructor(disk: Disk, folders: Folders, seconds: number, now: () => number) {
    this.disk = disk;
    this.folders = folders;
    this.users = new Users(disk, folders);
    this.#seconds = seconds;
    this.#now = now;
  }

  load(key: string): StoredRecord | undefined {
    const bytes = this.disk.read(this.folders.file(key));
    return bytes === undefined ? undefined : decodeFile(key, bytes);
  }

  create(key: string, record: SessionRecord): Promise<string | undefined> {
    return this.#write(key, record, (current) => this.#isFree(current));
  }

  save(key: string, record: SessionRecord, version: string): Promise<string | undefined> {
    return this.#write(key, record, (current) => current?.version === version);
  }

  touch(key: string, touchedAt: number, expiresAt: number, version: string): Promise<boolean> {
    return this.#insist(async (patience) => {
      const before = this.load(key);
      if (before?.version !== version) return false;
      const touched = {
        ...before,
        touchedAt: Math.max(before.touchedAt, touchedAt),
        expiresAt: Math.max(before.expiresAt, expiresAt),
      };
      await this.#hold(this.#want(key, touched, version), patience, (claim) => {
        const now = this.load(key);
        const isSame = now?.version === version && now.touchedAt === before.touchedAt &&
          now.expiresAt === before.expiresAt;
        if (!isSame) throw new LockLost();
        claim.put(this.folders.file(key));
      });
      await this.#sync(key);
      return true;
    });
  }

  async delete(key: string): Promise<boolean> {
    const erased = await this.erase(key, "whatever");
    // Also when another call removed it: none may report the record as gone before its removal is durable.
    if (this.disk.facts(this.folders.shard(key))) await this.#sync(key);
    await this.unlist(key, erased?.userId);
    return erased !== undefined;
  }

  /**
   * Removes a session's file if the condition holds under its lock. Resolves to its user, or to `undefined` if it was not
   * removed. With a condition, a newer format or anything but a plain file is an error: this release did not write it, so
   * it stays for a person to inspect.
   * The caller syncs the folder and then unlists the session, in this order, as a power failure may undo the removal.
   */
  erase(
    key: string,
    condition: Condition | "whatever",
  ): Promise<{ userId: string | undefined } | undefined> {
    return this.#insist(async (patience) => {
      const file = this.folders.file(key);
      if (!this.disk.facts(file)) return undefined;
      return await this.#hold({ key }, patience, (claim) => {
        const isAny = condition === "whatever";
        const bytes = isAny ? this.disk.facts(file) : this.disk.read(file);
        if (bytes === undefined) return undefined;
        const current = bytes ? this.#legible(key, isAny ? () => true : isDamaged) : decodeFile(key, bytes);
        if (!isAny && !condition(current)) return undefined;
        claim.remove(file);
        return { userId: current?.userId };
      });
    });
  }

  /** Removes the session from a user's index. */
  async unlist(key: string, userId: string | undefined): Promise<void> {
    if (userId !== undefined) await this.heal(this.users.folder(userId), key);
  }

  /** A page of the user's sessions, by their keys. One that cannot be read is left out. */
  async list(userId: string, after: string | undefined, limit: number): Promise<SessionPage> {
    const entries: IndexedRecord[] = [];
    const keys = this.users.keys(userId).filter((key) => after === undefined || key > after).sort();
    for (const key of keys.slice(0, limit)) {
      const record = this.#summary(key);
      if (record && record.userId === userId) entries.push({ key, record });
      else if (record || !this.disk.facts(this.folders.file(key))) await this.unlist(key, userId);
      await this.turn.yieldIfDue();
    }
    return keys.length > limit ? { entries, next: keys[limit - 1]! } : { entries };
  }

  /** A record without its data; `undefined` if there is none or it cannot be read. */
  #summary(key: string): SessionSummary | undefined {
    const file = this.folders.file(key);
    try {
      const bytes = this.disk.read(file, summaryBytes);
      if (bytes === undefined) return undefined;
      return decodeSummary(key, bytes) ?? decodeSummary(key, this.disk.read(file) ?? null);
    } catch (error) {
      if (error instanceof SessionError) return undefined;
      throw error;
    }
  }

  /** Removes an entry of a user's folder whose session does not exist. */
  async heal(folder: string, key: string): Promise<void> {
    // One attempt: the entry is harmless, and the next call that sees it tries again.
    await this.#hold({ key }, new LockTimeout(0), (claim) => {
      const userId = this.load(key)?.userId;
      if (userId === undefined || this.users.folder(userId) !== folder) this.users.remove(folder, claim);
    }).catch(() => {});
  }

  #write(key: string, record: SessionRecord, allowed: Condition): Promise<string | undefined> {
    const { userId } = record;
    return this.#insist(async (patience) => {
      const before = this.load(key);
      if (!allowed(before)) return undefined;
      const next = token();
      return await this.#listed(key, userId, before?.userId, async () => {
        const want = this.#want(key, record, next);
        await this.folders.prepare(this.folders.shard(key));
        let past: StoredRecord | undefined;
        const isDone = await this.#hold(want, patience, (claim) => {
          past = this.load(key);
          if (!allowed(past)) return false;
          if (past?.userId !== userId) this.#mustBeListed(key, userId);
          claim.put(this.folders.file(key));
          return true;
        });
        if (!isDone) return undefined;
        await this.#sync(key);
        if (past?.userId !== userId) await this.unlist(key, past?.userId);
        return next;
      });
    });
  }

  /** Runs `change` with the user's entry for `key` in place, and removes a new entry again if nothing was saved. */
  async #listed(
    key: string,
    userId: string | undefined,
    before: string | undefined,
    change: () => Promise<string | undefined>,
  ): Promise<string | undefined> {
    if (userId === undefined || userId === before) return await change();
    let version: string | undefined;
    try {
      await this.users.add(userId, key);
      version = await change();
      return version;
    } finally {
      if (version === undefined) await this.unlist(key, userId);
    }
  }

  #isFree(current: StoredRecord | undefined): boolean {
    return !current || current.expiresAt <= this.#now();
  }

  /** Restores an entry that another process may have removed because it had no record yet. */
  #mustBeListed(key: string, userId: string | undefined): void {
    if (userId !== undefined && !this.users.has(userId, key)) throw new LockLost();
  }

  /** The record, or `undefined`, also if reading it fails in a way that does not matter here. */
  #legible(key: string, doesNotMatter: (error: unknown) => boolean): StoredRecord | undefined {
    try {
      return this.load(key);
    } catch (error) {
      if (doesNotMatter(error)) return undefined;
      throw error;
    }
  }

  #want(key: string, record: SessionRecord, version: string): LockRequest {
    return { key, file: { bytes: encodeFile(key, record, version), time: record.expiresAt } };
  }

  #hold<T>(want: LockRequest, patience: LockTimeout, act: (claim: Lock) => T): Promise<T> {
    return hold(this.disk, this.folders.work, [want], patience, act);
  }

  #insist<T>(attempt: (patience: LockTimeout) => Promise<T>): Promise<T> {
    return retryUntilTimeout(this.#seconds, async (patience) => {
      try {
        return await attempt(patience);
      } catch (error) {
        if (error instanceof LockLost) this.folders.forget();
        throw error;
      }
    });
  }

  #sync(key: string): Promise<void> {
    return this.disk.sync(this.folders.shard(key));
  }
}
