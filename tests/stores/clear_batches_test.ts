/** Housekeeping beside live traffic: small batches, counted rather than timed, and the whole row of SR-039 at its size. */

import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { setImmediate } from "node:timers";
import { MemoryStore } from "../../backends/memory.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { createSessions, type SessionStore } from "../../mod.ts";
import { Browser } from "../support/browser.ts";
import { secret } from "../support/identity_rig.ts";
import { connect, keyOf, recordOf, watched } from "../support/sqlite/rig.ts";
import { watch } from "../support/watched_store.ts";

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

/** Counts the turns of the event loop: each is a chance for a request to be answered. */
function turns(): () => number {
  let [count, isOver] = [0, false];
  const next = () => {
    count++;
    if (!isOver) setImmediate(next);
  };
  setImmediate(next);
  endings.push(() => isOver = true);
  return () => count;
}

async function plant(store: SessionStore, from: number, to: number, expiresAt: number): Promise<void> {
  for (let start = from; start < to; start += 500) {
    const some = Array.from({ length: Math.min(500, to - start) }, (_, i) => start + i);
    await Promise.all(some.map((i) => store.create(keyOf(i), recordOf("1\n{}", { expiresAt }))));
  }
}

function sqlite(): { store: SqliteStore; ran: string[] } {
  const connection = connect(":memory:");
  const { database, ran } = watched(connection);
  const store = new SqliteStore(database);
  endings.push(() => store.close(), () => connection.close());
  return { store, ran };
}

describe("SR-039 clearing", () => {
  it("asks a store for at most 50 at once, with turns of the event loop after each", async () => {
    const inner = new MemoryStore({ maxEntries: 5_000, now: () => 1_000 });
    await plant(inner, 0, 220, 5_000);
    const watched = watch(inner);
    const seen: number[] = [];
    const turn = turns();
    watched.before = ({ method }) => void (method === "clearExpired" && seen.push(turn()));
    const sessions = createSessions({ store: watched.store, secrets: [secret(1)], now: () => 10_000 });
    assert.equal(await sessions.clearExpired({ limit: 210 }), 210);
    assert.deepEqual(
      watched.calls.flatMap(({ method, args }) => method === "clearExpired" ? [args[1]] : []),
      [50, 50, 50, 50, 10],
    );
    assert.equal(new Set(seen).size, 5);
    assert.equal(await sessions.clearExpired(), 10);
  });

  it("SqliteStore removes what it is asked for in one statement, so that this bounds how long it stands still", async () => {
    const { store, ran } = sqlite();
    await plant(store, 0, 120, 5_000);
    ran.length = 0;
    const sessions = createSessions({ store, secrets: [secret(1)], now: () => 10_000 });
    assert.equal(await sessions.clearExpired(), 120);
    assert.equal(ran.filter((sql) => sql.startsWith("DELETE")).length, 3);
  });

  const stores: Record<string, (now: () => number) => SessionStore> = {
    MemoryStore: (now) => new MemoryStore({ maxEntries: 20_000, now }),
    SqliteStore: () => sqlite().store,
  };
  for (const [name, open] of Object.entries(stores)) {
    it(`${name}: of 10,000 the expired half goes, and no live one while 100 are renewed, with two sweepers`, async () => {
      const clock = { now: 1_800_000_000_000 };
      const start = clock.now;
      const store = open(() => clock.now);
      await plant(store, 0, 5_000, start + 1);
      await plant(store, 5_000, 9_900, start + 9e9);
      const make = () =>
        createSessions({ store, secrets: [secret(1)], idleAge: 1_000, now: () => clock.now });
      const sessions = make();
      const live = await Promise.all(Array.from({ length: 100 }, async (_, i) => {
        const browser = new Browser(sessions, () => clock.now);
        await browser.see((session) => session.set("n", i));
        return browser;
      }));
      let removed = 0;
      const isDone = { value: false };
      const sweep = async () => {
        const gone = await make().clearExpired();
        removed += gone;
        isDone.value = true;
      };
      const renew = async () => {
        for (let round = 0; !isDone.value || round < 9; round++) {
          if (round < 9) clock.now += 400_000; // each would be over after the third round if it were not renewed
          const seen = await Promise.all(
            live.map((browser, i) =>
              browser.see((session) => (i % 3 === 0 && session.set("round", round), session.get("n")))
            ),
          );
          assert.deepEqual(seen, live.map((_, i) => i));
          await new Promise((resolve) => setTimeout(resolve)); // what is done in one turn would shut the sweepers out
        }
      };
      clock.now += 2;
      await Promise.all([sweep(), sweep(), renew()]);
      assert.equal(removed, 5_000);
      assert.equal(await make().clearExpired(), 0);
      const here = async (i: number) => await store.load(keyOf(i)) !== undefined;
      for (const i of [0, 1, 2_500, 4_999]) assert.equal(await here(i), false);
      for (const i of [5_000, 7_500, 9_899]) assert.equal(await here(i), true);
    });
  }
});
