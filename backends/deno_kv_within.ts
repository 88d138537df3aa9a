/** The time limit and the error policy of one operation on Deno KV. */

import { SessionError } from "../src/errors.ts";

/** Bounds one call to the database by what is left of the operation's time. */
export type Ask = <T>(call: Promise<T>) => Promise<T>;

/** Runs one operation: in time, with typed errors, and without further calls after it gave up. */
export async function within<T>(seconds: number, work: (ask: Ask) => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new SessionError("ERR_STORE", `Deno KV did not answer within ${seconds} s`)),
      seconds * 1000,
    );
  });
  late.catch(() => {});
  try {
    return await work((call) => Promise.race([call, late]));
  } catch (cause) {
    if (cause instanceof SessionError) throw cause;
    throw new SessionError("ERR_STORE", "Deno KV failed", { cause });
  } finally {
    clearTimeout(timer);
  }
}
