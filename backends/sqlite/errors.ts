/** What an error of either driver means. */
import { SessionError } from "../../src/errors.ts";

/** SQLite's primary result codes: https://sqlite.org/rescode.html */
const meanings: Record<string, string> = {
  5: "stayed busy",
  6: "stayed busy",
  8: "is read-only",
  10: "had an input or output error",
  11: "is damaged",
  13: "is full",
  14: "cannot be opened",
  26: "is damaged or is no database",
};

/** The primary result code: Bun calls the extended one `errno`, Node and Deno call it `errcode`. */
function codeOf(error: unknown): number | undefined {
  const { errno, errcode } = Object(error) as Record<string, unknown>;
  const code = errno ?? errcode;
  return typeof code === "number" ? code & 0xff : undefined;
}

/** Whether the same step may succeed a moment later. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code === 5 || code === 6;
}

/** Whether a row could not be removed, or not have another key, because other tables refer to it. */
export function isReferenced(error: unknown): boolean {
  const { errno, errcode } = Object(error) as Record<string, unknown>;
  const code = errno ?? errcode;
  // SQLite reports ON DELETE RESTRICT as a trigger of its own, and what a trigger of the owner's refuses is refused as well
  return code === 787 || code === 1811;
}

/** What was being done: a database was opened, or read or written while it served. */
export type Step = "open" | "read" | "write";

/**
 * The driver's error as ours. A database that is damaged has a code of its own when it is opened. While it serves it is trouble for all
 * visitors, so `ERR_STORE`; there `ERR_DAMAGED` means one row.
 */
export function troubleOf(error: unknown, step: Step): SessionError {
  if (error instanceof SessionError) return error;
  // A number that the driver refuses to read was never written by the store.
  if (step === "read" && Object(error).code === "ERR_OUT_OF_RANGE") {
    return new SessionError("ERR_DAMAGED", "A row of the session database is not what was written", {
      cause: error,
    });
  }
  const code = codeOf(error);
  const damaged = step === "open" && (code === 11 || code === 26);
  const meaning = meanings[String(code)] ?? "failed";
  return new SessionError(damaged ? "ERR_DAMAGED" : "ERR_STORE", `The session database ${meaning}`, {
    cause: error,
  });
}

/** An error that counts as busy: the owner of a handed-in connection is in the middle of a transaction. */
export function inOwnersTransaction(): Error {
  return Object.assign(new Error("The connection is inside a transaction of its owner"), { errno: 5 });
}

/** The same: between two statements outside of a transaction another process has changed the row. */
export function overtaken(): Error {
  return Object.assign(new Error("Another process has changed the row"), { errno: 5 });
}

/** What to say to whoever calls a store that was closed. */
export function closed(): SessionError {
  return new SessionError("ERR_STORE", "The session store is closed");
}

/** What to say when the event loop itself was held up for longer than a write may wait. */
export function late(): SessionError {
  return new SessionError("ERR_STORE", "The session store did not get to a write in time");
}

/** How long to wait before the next try, in ms: 1, 2, 4 … 25, less up to a half, so that waiters do not march in step. */
export function backoff(attempt: number): number {
  return Math.min(25, 2 ** attempt) * (1 - Math.random() / 2);
}
