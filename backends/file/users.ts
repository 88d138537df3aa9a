/**
 * Which sessions a user has: one empty file, named by the key, per session, in a folder per user.
 *
 * The entry is made before the record and removed after it, so a session is never missing here; an entry without its
 * record is left by a killed process and heals when it is seen. Entries are removed only under the session's lock.
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
    // As JSON, so that ids that differ only in lone surrogates do not meet.
    const name = createHash("sha256").update(`sojourn-user ${JSON.stringify(userId)}`).digest("hex");
    return `${this.#folders.users}/${name.slice(0, 2)}/${name}`;
  }

  /** The keys that the user has, or had until a process was killed. */
  keys(userId: string): string[] {
    return this.#disk.names(this.folder(userId)).filter((name) => keyPattern.test(name));
  }

  has(userId: string, key: string): boolean {
    return this.#disk.facts(`${this.folder(userId)}/${key}`) !== undefined;
  }

  /** Makes the entry durable, whoever made it. */
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

  /** Removes the entry, and the user's folder when it was the last; what fails here heals later. */
  remove(folder: string, claim: Lock): void {
    const entry = `${folder}/${claim.key}`;
    if (this.#disk.facts(entry)) claim.remove(entry);
    this.prune(folder);
  }

  /** Removes a user's folder if it is empty; who is about to put something in makes it again. */
  prune(folder: string): void {
    try {
      this.#disk.removeFolder(folder);
    } catch { /* not empty, or gone */ }
  }
}
