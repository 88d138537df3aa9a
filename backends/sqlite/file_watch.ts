/** Notices that the file below an open database was removed or replaced: what is written then is gone when the connection closes. */

import { statSync } from "node:fs";
import { SessionError } from "../../src/errors.ts";

/** The least time between two looks at the file, in ms. */
const interval = 1000;

/** One file, as it was when the database was opened. */
export class FileWatch {
  readonly #path: string;
  readonly #found: string;
  #isThere = true;
  #nextLook = performance.now() + interval;

  private constructor(path: string, found: string) {
    this.#path = path;
    this.#found = found;
  }

  /** A watch over `path`; none where there is no such file to look at: a database in memory, or a file that may not be looked at. */
  static over(path: unknown): FileWatch | undefined {
    if (typeof path !== "string" || path === "") return undefined;
    const found = look(path);
    return found === undefined || found === "" ? undefined : new FileWatch(path, found);
  }

  /** Looks, unless it has within the last second. @throws {SessionError} `ERR_STORE`: another file is there, or none. */
  check(): void {
    const now = performance.now();
    if (now >= this.#nextLook) {
      this.#nextLook = now + interval;
      this.#isThere = (look(this.#path) ?? this.#found) === this.#found;
    }
    if (!this.#isThere) {
      throw new SessionError(
        "ERR_STORE",
        "The file of the session database was removed or replaced while it was open: restart the program, or put it back",
      );
    }
  }
}

/** Which file is there; empty: none; `undefined`: nobody knows. */
function look(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR" ? "" : undefined;
  }
}
