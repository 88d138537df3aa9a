/** Where things are: `sessions/ab/c/<key>`, `users/ab/<hash>/<key>` and `work/`, and who may look at them. */

import { resolve } from "node:path";
import { token } from "./lock.ts";
import { type Disk, failedWith } from "./disk.ts";

/** How long nobody is at work on one change, in ms. */
const abandonedAfterMs = 10_000;

/** What a storage key looks like. */
export const keyPattern: RegExp = /^[0-9a-f]{64}$/;

/** The folders of one store. 4,096 of them hold the sessions: 250 in each of a million. */
export class Folders {
  readonly work: string;
  readonly sessions: string;
  readonly users: string;
  readonly #disk: Disk;
  // Folders known to be there for good, so that their own names are synced once and not at each save.
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

  /** Makes a folder and those above it, unless they are there. */
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

  /** Looks again: somebody may have taken a folder away. */
  forget(): void {
    this.#ready.clear();
    this.#ready.add(this.work).add(this.sessions).add(this.users);
  }
}

/** Checks or makes the store's own folder, and takes away what killed processes left in it. */
export async function openFolders(disk: Disk, directory: string): Promise<Folders> {
  const root = resolve(directory);
  await makeAll(disk, root);
  refuseUnsafe(disk, root, "directory");
  const ours = ["work", "sessions", "users"];
  // A folder that was in use for other things keeps its mode: ours, inside, are closed anyway.
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

/** Takes away what killed processes left in `work`. What lives is not touched, and should it be, it stages again. */
export function clearAbandoned(disk: Disk, work: string): void {
  for (const name of disk.names(work)) {
    const facts = disk.facts(`${work}/${name}`);
    // A time far ahead is of a clock that was set back since.
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
    throw new TypeError(`Cannot keep sessions here as ${what} must be a folder, and no link`);
  }
  if ((facts.mode & 0o022) !== 0) {
    const mode = facts.mode.toString(8).padStart(4, "0");
    throw new TypeError(
      `Cannot keep sessions here as only the owner may write to ${what}: received mode ${mode}`,
    );
  }
  if (whoseFolder(disk, path) !== facts.owner) {
    throw new TypeError(`Cannot keep sessions here as ${what} must belong to the user of this process`);
  }
}

/** Who owns what we make: asked of the disk, as Deno wants a permission for telling the user id. */
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
      // Another process, of an older release or with another clock, took the probe for abandoned
      if (left === 1 || !failedWith(error, "ENOENT")) throw error;
    }
  }
}
