/** The folders of a store, `sessions/ab/c/<key>`, `users/ab/<hash>/<key>` and `work/`, and the checks of their permissions. */

import { resolve } from "node:path";
import { token } from "./lock.ts";
import { type Disk, failedWith } from "./disk.ts";

/** Work files older than this many ms are abandoned: no change takes that long. */
const abandonedAfterMs = 10_000;

/** The format of a storage key. */
export const keyPattern: RegExp = /^[0-9a-f]{64}$/;

/** The folders of one store. 4,096 of them hold the sessions: 250 in each of a million. */
export class Folders {
  readonly work: string;
  readonly sessions: string;
  readonly users: string;
  readonly #disk: Disk;
  // Folders known to exist durably, so that their names are synced once and not at each save.
  readonly #ready = new Set<string>();

  constructor(disk: Disk, root: string) {
    this.#disk = disk;
    this.work = `${root}/work`;
    this.sessions = `${root}/sessions`;
    this.users = `${root}/users`;
    this.#ready.add(this.work).add(this.sessions).add(this.users);
  }

  /** The folder that a session's file is in. */
  shard(key: string): string {
    return `${this.sessions}/${key.slice(0, 2)}/${key[2]}`;
  }

  /** The session's file. */
  file(key: string): string {
    return `${this.shard(key)}/${key}`;
  }

  /** Creates a folder and its parents unless they exist. */
  async prepare(path: string): Promise<void> {
    if (this.#ready.has(path)) return;
    const above = path.slice(0, path.lastIndexOf("/"));
    await this.prepare(above);
    try {
      this.#disk.makeFolder(path);
    } catch (error) {
      if (!failedWith(error, "EEXIST") || !this.#disk.facts(path)?.isFolder) throw error;
    }
    await this.#disk.sync(above);
    this.#ready.add(path);
  }

  /** Forgets which folders exist, as one may have been removed. */
  forget(): void {
    this.#ready.clear();
    this.#ready.add(this.work).add(this.sessions).add(this.users);
  }
}

/** Checks or creates the store's own folder and removes what killed processes left in it. */
export async function openFolders(disk: Disk, directory: string): Promise<Folders> {
  const root = resolve(directory);
  await makeAll(disk, root);
  refuseUnsafe(disk, root, "directory");
  const ours = ["work", "sessions", "users"];
  // A folder that is also used for other things keeps its mode: the store's folders inside it are private anyway.
  if (disk.names(root).every((name) => ours.includes(name))) disk.protect(root);
  const folders = new Folders(disk, root);
  for (const name of ours) {
    const path = `${root}/${name}`;
    try {
      disk.makeFolder(path);
    } catch (error) {
      if (!failedWith(error, "EEXIST")) throw error;
    }
    refuseUnsafe(disk, path, `"${name}" in the directory`);
  }
  await disk.sync(root);
  clearAbandoned(disk, folders.work);
  return folders;
}

/** Removes what killed processes left in `work`. Should a live change lose its files to this, it stages them again. */
export function clearAbandoned(disk: Disk, work: string): void {
  for (const name of disk.names(work)) {
    const facts = disk.facts(`${work}/${name}`);
    // A time far in the future comes from a clock that has been set back since.
    if (facts && Math.abs(Date.now() - facts.time) > abandonedAfterMs) disk.clear(`${work}/${name}`);
  }
}

async function makeAll(disk: Disk, path: string): Promise<void> {
  if (disk.facts(path) || path === resolve(path, "..")) return;
  const above = resolve(path, "..");
  await makeAll(disk, above);
  try {
    disk.makeFolder(path);
  } catch (error) {
    if (!failedWith(error, "EEXIST")) throw error;
  }
  try {
    await disk.sync(above);
  } catch (error) {
    if (!failedWith(error, "EACCES", "EPERM")) throw error; // a folder that may be written but not read
  }
}

function refuseUnsafe(disk: Disk, path: string, what: string): void {
  const facts = disk.facts(path);
  if (!facts?.isFolder) {
    throw new TypeError(`Cannot keep sessions here: ${what} must be a folder, not a link`);
  }
  if ((facts.mode & 0o022) !== 0) {
    const mode = facts.mode.toString(8).padStart(4, "0");
    throw new TypeError(
      `Cannot keep sessions here: ${what} must be writable by its owner only, but has mode ${mode}`,
    );
  }
  if (whoseFolder(disk, path) !== facts.owner) {
    throw new TypeError(`Cannot keep sessions here: ${what} must belong to the user of this process`);
  }
}

/** The owner of the files this process creates, found by creating one: Deno requires a permission to read the user id. */
function whoseFolder(disk: Disk, path: string): number | undefined {
  for (let left = 5;; left--) {
    const probe = `${path}/${token()}`;
    try {
      disk.makeFolder(probe);
      const owner = disk.facts(probe)?.owner;
      disk.removeFolder(probe);
      return owner;
    } catch (error) {
      if (failedWith(error, "EACCES", "EPERM")) return undefined;
      // Another process, with an older release or another clock, considered the probe abandoned
      if (left === 1 || !failedWith(error, "ENOENT")) throw error;
    }
  }
}
