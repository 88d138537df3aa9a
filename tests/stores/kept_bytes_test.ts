/** What a process keeps in memory, in bytes: in a process of its own, which can be told to collect its garbage. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const url = (path: string) => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);

/** By how many MiB the heap has grown from the first call of `work` to the second; `work` makes ready and gives the steps. */
function grown(imports: readonly string[], work: string): number {
  const code = `
    ${imports.join("\n")}
    const collect = globalThis.gc ?? (() => Bun.gc(true));
    const used = async () => {
      for (let i = 0; i < 5; i++) {
        collect();
        await new Promise((resolve) => setImmediate(resolve));
      }
      return process.memoryUsage().heapUsed;
    };
    const step = await (${work})();
    await step(100);
    const before = await used();
    await step(1_000);
    console.log((await used() - before) / 2 ** 20);
    process.exit(0);`;
  const args = "Bun" in globalThis ? ["-e", code] : ["run", "--v8-flags=--expose-gc", "--ext=ts", "-"];
  const run = spawnSync(process.execPath, args, {
    cwd: root,
    input: code,
    timeout: 120_000,
    encoding: "utf8",
  });
  assert.equal(run.status, 0, run.stderr);
  return Number(run.stdout);
}

describe("what is kept in memory", () => {
  it("of 1,000 sessions in 20 cookies each is some megabytes", () => {
    const megabytes = grown(
      [
        `import { createSessions } from ${url("mod.ts")};`,
        `import { CookieStore } from ${url("backends/cookie.ts")};`,
      ],
      `async () => {
        const store = new CookieStore({ revocation: "none", chunks: 20, maxHeaderBytes: 100_000 });
        const handle = createSessions({ store, secrets: [new Uint8Array(32).map((_, i) => i * 7 + 1)] }).wrap(async (request) => {
          const session = await request.session;
          session.set("text", "ä".repeat(14_000) + Math.random());
          return new Response();
        });
        return async (count) => {
          for (let i = 0; i < count; i++) {
            const { headers } = await handle(new Request("https://localhost/"));
            const cookie = headers.getSetCookie().map((field) => field.split(";", 1)[0]).join("; ");
            await handle(new Request("https://localhost/", { headers: { cookie } }));
          }
        };
      }`,
    );
    assert.ok(megabytes < 24, `${megabytes} MiB`);
  });

  it("of 100,000 changes through a CachedStore is some megabytes", () => {
    const megabytes = grown(
      [
        `import { CachedStore } from ${url("backends/cached.ts")};`,
        `import { MemoryStore } from ${url("backends/memory.ts")};`,
      ],
      `async () => {
        const store = new CachedStore(new MemoryStore(), new MemoryStore(), { staleness: 86_400 });
        let key = 0;
        return async (count) => {
          for (let i = 0; i < 100 * count; i++) await store.delete((key++).toString(16).padStart(64, "0"));
        };
      }`,
    );
    assert.ok(megabytes < 16, `${megabytes} MiB`);
  });
});
