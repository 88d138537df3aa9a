/**
 * The user index: a folder per user with one empty file, named by the key, per session.
 *
 * The entry is made before the record and removed after it, so a session is never missing here; an entry without its
 * record was left by a killed process and is removed when it is seen. Entries are removed only under the session's lock.
 */

import { createHash } from "node:crypto";
import { type Lock, LockLost } from "./lock.ts";
import { type Disk, failedWith } from "./disk.ts";
import { type Folders, keyPattern } from "./layout.ts";

export class Users {
  readonly #disk: Disk;
  readonly #folders: Folders;

  constructor(disk: Disk, folders: Folders) {
    this.#disk = disk;
    this.#folders = folders;
  }

  /** The folder of one user. */
  folder(userId: string): string {
    // As JSON, so that ids that differ only in lone surrogates do not collide.
    const name = createHash("sha256").update(`sojourn-user ${JSON.stringify(userId)}`).digest("hex");
    return `${this.#folders.users}/${name.slice(0, 2)}/${name}`;
  }

  /** The keys of the user's sessions, possibly with entries that a killed process left. */
  keys(userId: string): string[] {
    return this.#disk.names(this.folder(userId)).filter((name) => keyPattern.test(name));
  }

  has(userId: string, key: string): boolean {
    return this.#disk.facts(`${this.folder(userId)}/${key}`) !== undefined;
  }

  /** Makes the entry durable, whichever process created it. */
  async add(userId: string, key: string): Promise<void> {
    const folder = this.folder(userId);
    const above = folder.slice(0, folder.lastIndexOf("/"));
    await this.#folders.prepare(above);
    try {
      this.#disk.makeFolder(folder);
    } catch (error) {
      if (!failedWith(error, "EEXIST")) throw error;
    }
    try {
      this.#disk.mark(`${folder}/${key}`);
      await this.#disk.sync(folder);
    } catch (error) {
      throw failedWith(error, "ENOENT") ? new LockLost() : error; // another process removed the empty folder
    }
    await this.#disk.sync(above);
  }

  /** Removes the entry, and the user's folder with the last one; failures are repaired later. */
  remove(folder: string, claim: Lock): void {
    const entry = `${folder}/${claim.key}`;
    if (this.#disk.facts(entry)) claim.remove(entry);
    this.prune(folder);
  }

  /** Removes a user's folder if it is empty; a process that is about to add an entry creates it again. */
  prune(folder: string): void {
    try {
      this.#disk.removeFolder(folder);
    } catch { /* not empty, or gone */ }
  }
}
