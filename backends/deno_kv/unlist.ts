/** Removes a record from the user index in Deno KV when its user is no longer known. */

import type { DenoKv, DenoKvKey } from "./client.ts";
import { withDeadline } from "./within.ts";

/** Searches the entries of all `users`, for `timeout` seconds. Failures are ignored, as remaining entries expire. */
export async function unlist(kv: DenoKv, users: DenoKvKey, key: string, timeout: number): Promise<void> {
  await withDeadline(timeout, async (ask) => {
    const entries = kv.list({ prefix: users }, { consistency: "strong" })[Symbol.asyncIterator]();
    for (let step = await ask(entries.next()); !step.done; step = await ask(entries.next())) {
      const entry = step.value.key as DenoKvKey;
      if (entry.at(-1) === key) await ask(kv.atomic().delete(entry).commit());
    }
  }).catch(() => {});
}
