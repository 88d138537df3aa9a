/** The disk operations this store needs, over `node:fs`, which Deno and Bun both have. */

import * as fs from "node:fs";
import { promisify } from "node:util";

/** What a name on the disk stands for. */
export interface Facts {
  readonly isFile: boolean;
  readonly isFolder: boolean;
  readonly mode: number;
  readonly owner: number;
  /** The modification time, in ms. */
  readonly time: number;
}

/** Paths are absolute. Every method throws the system's own error unless documented otherwise. */
export interface Disk {
  /** A new folder, 0700 whatever the umask. */
  makeFolder(path: string): void;
  /** Makes a folder's mode 0700. */
  protect(path: string): void;
  /** Removes an empty folder. */
  removeFolder(path: string): void;
  /** The names in a folder; none if it is missing. */
  names(path: string): string[];
  /** About the name itself, not what a link points to; `undefined` if it is missing. */
  facts(path: string): Facts | undefined;
  /** A plain file, or its first bytes; `undefined` if it is missing, `null` if it is not a plain file written by this store. */
  read(path: string, most?: number): Uint8Array | undefined | null;
  /** Creates a file, 0600 whatever the umask; it is complete and synced when the promise resolves. `time` (ms) becomes its modification time. */
  write(path: string, bytes: Uint8Array, time: number): Promise<void>;
  /** Creates an empty file unless it exists. */
  mark(path: string): void;
  /** Renames, replacing a file or an empty folder. */
  move(from: string, to: string): void;
  /** Removes a file. */
  remove(path: string): void;
  /** Removes a file or a folder with its contents, if it exists; what another process adds during the removal may stay. */
  clear(path: string): void;
  /** Makes the names in a folder durable. */
  sync(folder: string): Promise<void>;
}

/** No file of this store is longer, so reading a planted one takes little time and memory. */
export const maxFileBytes = 16_777_216;

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
const newFileFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
const latestFileTime = 4_102_444_800; // 2100 in seconds: every file system can hold it
const fsync = promisify(fs.fsync);

/** Whether a system call failed for one of these reasons. */
export function failedWith(error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | null)?.code ?? "");
}

/** Writes all bytes, in as many calls as the system needs. */
export function writeAll(
  fd: number,
  bytes: Uint8Array,
  write: (fd: number, bytes: Uint8Array, offset: number, length: number) => number = fs.writeSync,
): void {
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += write(fd, bytes, offset, bytes.length - offset);
    } catch (error) {
      if (!failedWith(error, "EINTR", "EAGAIN")) throw error;
    }
  }
}

function readPlain(fd: number, most: number): Uint8Array | null {
  const facts = fs.fstatSync(fd); // a file that was replaced just now has no link left
  if (!facts.isFile() || facts.nlink > 1 || facts.size > maxFileBytes) return null;
  const bytes = new Uint8Array(Math.min(facts.size, most));
  let length = 0;
  while (length < bytes.length) {
    const count = fs.readSync(fd, bytes, length, bytes.length - length, null);
    if (count === 0) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

/** At most `room` concurrently: each waiting sync holds a file descriptor. */
function gate(room: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (room === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else room--;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else room++;
    }
  };
}

/** The real disk. Without `durable`, nothing is synced. */
export function nodeDisk(durable: boolean): Disk {
  const pass = gate(16);
  return {
    makeFolder(path) {
      fs.mkdirSync(path, 0o700);
      fs.chmodSync(path, 0o700);
    },
    protect: (path) => fs.chmodSync(path, 0o700),
    removeFolder: (path) => fs.rmdirSync(path),
    names(path) {
      try {
        return fs.readdirSync(path);
      } catch (error) {
        if (failedWith(error, "ENOENT")) return [];
        throw error;
      }
    },
    facts(path) {
      const found = fs.lstatSync(path, { throwIfNoEntry: false });
      return found && {
        isFile: found.isFile(),
        isFolder: found.isDirectory(),
        mode: found.mode & 0o7777,
        owner: found.uid,
        time: found.mtimeMs,
      };
    },
    read(path, most = maxFileBytes) {
      let fd: number;
      try {
        fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      } catch (error) {
        if (failedWith(error, "ENOENT")) return undefined;
        // A link, a socket, a device without a driver, or a folder that cannot be opened.
        if (failedWith(error, "ELOOP", "EMLINK", "ENXIO", "ENODEV", "EISDIR")) return null;
        throw error;
      }
      try {
        return readPlain(fd, most);
      } finally {
        fs.closeSync(fd);
      }
    },
    write: (path, bytes, time) =>
      pass(async () => {
        const fd = fs.openSync(path, newFileFlags, 0o600);
        try {
          fs.fchmodSync(fd, 0o600);
          writeAll(fd, bytes);
          const seconds = Math.min(Math.max(Math.floor(time / 1000), 0), latestFileTime);
          fs.futimesSync(fd, seconds, seconds);
          if (durable) await fsync(fd);
        } finally {
          fs.closeSync(fd);
        }
      }),
    mark(path) {
      try {
        const fd = fs.openSync(path, newFileFlags, 0o600);
        try {
          fs.fchmodSync(fd, 0o600);
        } finally {
          fs.closeSync(fd);
        }
      } catch (error) {
        if (!failedWith(error, "EEXIST")) throw error;
      }
    },
    move: (from, to) => fs.renameSync(from, to),
    remove: (path) => fs.unlinkSync(path),
    clear(path) {
      try {
        fs.rmSync(path, { recursive: true, force: true });
      } catch (error) {
        if (!failedWith(error, "ENOENT", "ENOTEMPTY")) throw error;
      }
    },
    sync: (folder) =>
      durable
        ? pass(async () => {
          const fd = fs.openSync(folder, O_RDONLY);
          try {
            await fsync(fd);
          } finally {
            fs.closeSync(fd);
          }
        })
        : Promise.resolve(),
  };
}
