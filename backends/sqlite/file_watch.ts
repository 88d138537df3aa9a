/** Notices that the file of an open database was removed or replaced: later writes would be lost when the connection closes. */

import { statSync } from "node:fs";
import { SessionError } from "../../src/errors.ts";

/** The minimum time between two checks of the file, in ms. */
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

  /** Watches `path`; `undefined` for a database in memory and for a file that may not be inspected. */
  static over(path: unknown): FileWatch | undefined {
    if (typeof path !== "string" || path === "") return undefined;
    const found = look(path);
    return found === undefined || found === "" ? undefined : new FileWatch(path, found);
  }

  /**
   * Checks the file, unless that was done within the last second.
   *
   * @throws {SessionError} If the file was replaced or removed (`ERR_STORE`).
   */
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

/** Identifies the file at the path; empty if there is none, `undefined` if that is unknown. */
function look(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR" ? "" : undefined;
  }
}
