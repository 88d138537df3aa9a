/** The store contract, over every backend on the real thing. */

import { mkdtempSync, rmSync } from "node:fs";
import { after } from "node:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CachedStore } from "../backends/cached.ts";
import { MemoryStore } from "../backends/memory.ts";
import { SqliteStore } from "../backends/sqlite.ts";
import { testStore } from "../src/testing.ts";

const root = mkdtempSync(join(tmpdir(), "sojourn-contract-"));
after(() => rmSync(root, { recursive: true, force: true }));

let made = 0;
/** A path of its own for each store; the last one made is the one to open again. */
const fresh = () => join(root, String(++made));
const last = () => join(root, String(made));

testStore("MemoryStore", () => new MemoryStore());

for (const synchronous of ["FULL", "NORMAL"] as const) {
  testStore(`SqliteStore, ${synchronous}`, () => SqliteStore.open(fresh(), { synchronous }), {
    reopen: async (store) => {
      await store.close?.();
      return await SqliteStore.open(last(), { synchronous });
    },
  });
}

for (const staleness of [0, 60]) {
  testStore(
    `CachedStore over SqliteStore, staleness ${staleness}`,
    async () => new CachedStore(new MemoryStore(), await SqliteStore.open(fresh()), { staleness }),
  );
}
