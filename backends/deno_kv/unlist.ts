/** Takes a record out of the user index in Deno KV when nothing tells any more whose it was. */

import type { DenoKv, DenoKvKey } from "./client.ts";
import { withDeadline } from "./within.ts";

/** Looks through the entries of all `users`, for `timeout` seconds; a failure is none, as what is left expires. */
export async function unlist(kv: DenoKv, users: DenoKvKey, key: string, timeout: number): Promise<void> {
  await withDeadline(timeout, async (ask) => {
    const entries = kv.list({ prefix: users }, { consistency: "strong" })[Symbol.asyncIterator]();
    for (let step = await ask(entries.next()); !step.done; step = await ask(entries.next())) {
      const entry = step.value.key as DenoKvKey;
      if (entry.at(-1) === key) await ask(kv.atomic().delete(entry).commit());
    }
  }).catch(() => {});
}
