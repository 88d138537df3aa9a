/** The time limit and the error policy of one operation on Deno KV. */

import { SessionError } from "../../src/errors.ts";

/** Bounds one call to the database by what is left of the operation's time. */
export type BoundedCall = <T>(call: Promise<T>) => Promise<T>;

/**
 * Runs one operation with a time limit and typed errors, and makes no further calls after the limit. While another process
 * holds the local file, the operation starts again: a database that reports it is locked has changed nothing.
 */
export async function withDeadline<T>(seconds: number, work: (ask: BoundedCall) => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let locked: unknown;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new SessionError("ERR_STORE", `Deno KV did not answer within ${seconds} s`, { cause: locked }));
    }, seconds * 1000);
  });
  late.catch(() => {});
  const ask: BoundedCall = (call) => Promise.race([call, late]);
  try {
    while (true) {
      try {
        return await work(ask);
      } catch (error) {
        if (!(error instanceof Error) || !/database is locked/.test(error.message)) throw error;
        locked = error;
        await ask(new Promise((resolve) => setTimeout(resolve, 2 + 18 * Math.random())));
      }
    }
  } catch (cause) {
    if (cause instanceof SessionError) throw cause;
    throw new SessionError("ERR_STORE", "Deno KV failed", { cause });
  } finally {
    clearTimeout(timer);
  }
}
