/** A disk in memory that can fail, be killed or lose its power at any of its calls. */

import type { Disk, Facts } from "../../../backends/file/disk.ts";
import type { SessionRecord } from "../../../src/store.ts";

/** Keys and records of the sessions that the tests keep on it. */
export const A: string = "aa".repeat(32);
export const B: string = "bb".repeat(32);
export const record = (data: string, userId?: string): SessionRecord => ({
  data,
  createdAt: 1,
  touchedAt: 1,
  expiresAt: 1e12,
  ...(userId === undefined ? {} : { userId }),
});

class File {
  bytes: Uint8Array = new Uint8Array();
  time = 0;
  isDurable = false;
}

class Folder {
  names: Map<string, File | Folder> = new Map<string, File | Folder>();
  durable: Map<string, File | Folder> = new Map<string, File | Folder>();
  /** What was done to the names since the last sync. */
  pending: [string, File | Folder | undefined][] = [];
  mode = 0o700;

  set(name: string, what: File | Folder | undefined): void {
    if (what) this.names.set(name, what);
    else this.names.delete(name);
    this.pending.push([name, what]);
  }

  sync(): void {
    this.durable = new Map(this.names);
    this.pending = [];
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: model`), { code });
}

export class ModelDisk implements Disk {
  root: Folder = new Folder();
  /** How many calls there were. */
  steps = 0;
  /** Whether all folders were last changed long ago. */
  isOld = false;
  /** Called before each call with its number and words. */
  before: (step: number, call: string, path: string) => void = () => {};

  #step(call: string, path: string): void {
    this.before(++this.steps, call, path);
  }

  #find(path: string): File | Folder | undefined {
    let at: File | Folder | undefined = this.root;
    for (const name of path.split("/").filter(Boolean)) {
      at = at instanceof Folder ? at.names.get(name) : undefined;
    }
    return at;
  }

  #place(path: string): [Folder, string] {
    const cut = path.lastIndexOf("/");
    const above = cut === 0 ? this.root : this.#find(path.slice(0, cut));
    if (!(above instanceof Folder)) throw failure("ENOENT");
    return [above, path.slice(cut + 1)];
  }

  makeFolder(path: string): void {
    this.#step("makeFolder", path);
    const [above, name] = this.#place(path);
    if (above.names.has(name)) throw failure("EEXIST");
    above.set(name, new Folder());
  }

  protect(path: string): void {
    this.#step("protect", path);
  }

  removeFolder(path: string): void {
    this.#step("removeFolder", path);
    const [above, name] = this.#place(path);
    const what = above.names.get(name);
    if (!what) throw failure("ENOENT");
    if (!(what instanceof Folder)) throw failure("ENOTDIR");
    if (what.names.size) throw failure("ENOTEMPTY");
    above.set(name, undefined);
  }

  names(path: string): string[] {
    this.#step("names", path);
    const what = this.#find(path);
    return what instanceof Folder ? [...what.names.keys()] : [];
  }

  facts(path: string): Facts | undefined {
    this.#step("facts", path);
    const what = this.#find(path);
    if (!what) return undefined;
    const isFile = what instanceof File;
    return {
      isFile,
      isFolder: !isFile,
      mode: 0o700,
      owner: 0,
      time: isFile ? what.time : this.isOld ? 0 : Date.now(),
    };
  }

  read(path: string, most?: number): Uint8Array | undefined | null {
    this.#step("read", path);
    const what = this.#find(path);
    return what instanceof File ? what.bytes.slice(0, most) : what && null;
  }

  async write(path: string, bytes: Uint8Array, time: number): Promise<void> {
    this.#step("create", path);
    const [above, name] = this.#place(path);
    if (above.names.has(name)) throw failure("EEXIST");
    const file = new File();
    above.set(name, file);
    file.bytes = bytes.slice(0, bytes.length / 2);
    this.#step("write", path);
    file.bytes = bytes.slice();
    file.time = time;
    await Promise.resolve();
    this.#step("sync file", path);
    file.isDurable = true;
  }

  mark(path: string): void {
    this.#step("mark", path);
    const [above, name] = this.#place(path);
    if (!above.names.has(name)) above.set(name, new File());
  }

  move(from: string, to: string): void {
    this.#step("move", from);
    const [source, oldName] = this.#place(from);
    const what = source.names.get(oldName);
    const [target, newName] = this.#place(to);
    if (!what) throw failure("ENOENT");
    const there = target.names.get(newName);
    if (there instanceof Folder && there.names.size) throw failure("ENOTEMPTY");
    source.set(oldName, undefined);
    target.set(newName, what);
  }

  remove(path: string): void {
    this.#step("remove", path);
    const [above, name] = this.#place(path);
    const what = above.names.get(name);
    if (!what) throw failure("ENOENT");
    if (what instanceof Folder) throw failure("EISDIR");
    above.set(name, undefined);
  }

  clear(path: string): void {
    this.#step("clear", path);
    const [above, name] = this.#place(path);
    if (above.names.has(name)) above.set(name, undefined);
  }

  async sync(path: string): Promise<void> {
    await Promise.resolve();
    this.syncNow(path);
  }

  syncNow(path: string): void {
    this.#step("sync", path);
    const what = this.#find(path);
    if (!(what instanceof Folder)) throw failure("ENOENT");
    what.sync();
  }

  /** The same files without any orders: what another process sees. */
  view(): ModelDisk {
    const disk = new ModelDisk();
    disk.root = this.root;
    return disk;
  }

  /** What is there after the power failed: any change of names that was not synced may be undone, by itself. */
  afterPowerLoss(random: () => number): ModelDisk {
    const disk = new ModelDisk();
    disk.root = survive(this.root, random, new Map()) as Folder;
    return disk;
  }

  /** All paths of files. */
  files(): string[] {
    const found: string[] = [];
    const walk = (folder: Folder, path: string) => {
      for (const [name, what] of folder.names) {
        if (what instanceof Folder) walk(what, `${path}/${name}`);
        else found.push(`${path}/${name}`);
      }
    };
    walk(this.root, "");
    return found;
  }
}

function survive(
  what: File | Folder,
  random: () => number,
  done: Map<File | Folder, File | Folder>,
): File | Folder {
  const seen = done.get(what);
  if (seen) return seen;
  if (what instanceof File) {
    const file = new File();
    done.set(what, file);
    file.time = what.time;
    const length = what.isDurable ? what.bytes.length : Math.floor(random() * what.bytes.length);
    file.bytes = what.bytes.slice(0, length);
    file.isDurable = true;
    return file;
  }
  const folder = new Folder();
  done.set(what, folder);
  const names = new Map(what.durable);
  for (const [name, now] of what.pending) {
    if (random() < 0.5) continue;
    if (now) names.set(name, now);
    else names.delete(name);
  }
  for (const [name, inside] of names) folder.set(name, survive(inside, random, done));
  folder.sync();
  return folder;
}
