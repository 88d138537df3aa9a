/** Maps the errors of both drivers to `SessionError`. */
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

/** Whether a row could not be removed or get another key because other tables refer to it. */
export function isReferenced(error: unknown): boolean {
  const { errno, errcode } = Object(error) as Record<string, unknown>;
  const code = errno ?? errcode;
  // SQLite reports ON DELETE RESTRICT as a trigger of its own; a refusal by one of the owner's triggers counts as well
  return code === 787 || code === 1811;
}

/** What was being done: a database was opened, or read or written while it served. */
export type Step = "open" | "read" | "write";

/**
 * Converts a driver error to a `SessionError`. A damaged database is `ERR_DAMAGED` only while it is opened. Later it concerns all
 * visitors, so it is `ERR_STORE`; `ERR_DAMAGED` then means a single row.
 */
export function troubleOf(error: unknown, step: Step): SessionError {
  if (error instanceof SessionError) return error;
  // The store never writes a number that the driver refuses to read.
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

/** An error that counts as busy: the owner of a handed-in connection has a transaction open. */
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

/** The error of a write whose deadline passed because the event loop was blocked. */
export function late(): SessionError {
  return new SessionError("ERR_STORE", "The session store timed out before the write started");
}

/** The delay before the next attempt, in ms: 1, 2, 4 … 25, reduced by up to half as jitter. */
export function backoff(attempt: number): number {
  return Math.min(25, 2 ** attempt) * (1 - Math.random() / 2);
}
