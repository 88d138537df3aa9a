import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { SqliteStore } from "../backends/sqlite.ts";
import { SessionError } from "../src/errors.ts";
import { connect, keyOf, recordOf, run, temporaryPaths, trouble } from "./sqlite_rig.ts";

const newPath = temporaryPaths();
describe("SqliteStore on damaged files", () => {
  it("SR-050 a row of wrong types is damaged, not missing, and stays as it is", async () => {
    const path = newPath();
    await using store = await SqliteStore.open(path);
    const other = connect(path);
    const damages = [
      "data = x'00ff'",
      "data = '\\'",
      "data = '\\{}'",
      "user_id = x'00'",
      "created_at = 'yesterday'",
      "touched_at = x'00'",
      "expires_at = 1e300",
      "expires_at = 9223372036854775807",
      "version = x'00'",
    ];
    for (const [n, damage] of damages.entries()) {
      await store.create(keyOf(n), recordOf("x", { userId: "ada" }));
      run(other, `UPDATE sojourn_session SET ${damage} WHERE key = '${keyOf(n)}'`);
      await trouble(() => store.load(keyOf(n)), "ERR_DAMAGED");
    }
    assert.equal(run(other, "SELECT count(*) FROM sojourn_session"), damages.length);
    assert.equal(await store.delete(keyOf(0)), true);
    other.close();
  });

  it("SR-057 what is no database is ERR_DAMAGED, and is left as it is", async () => {
    const path = newPath();
    const text = "this is not a database. ".repeat(100);
    writeFileSync(path, text);
    await trouble(() => SqliteStore.open(path), "ERR_DAMAGED");
    assert.equal(readFileSync(path, "utf8"), text);
  });

  it("SR-057 any damage gives the right data or a typed error, and the file is never thrown away", async () => {
    const sound = newPath();
    const count = 60;
    {
      await using store = await SqliteStore.open(sound);
      await Promise.all(
        Array.from(
          { length: count },
          (_, n) =>
            store.create(keyOf(n), recordOf(`${n}:`.padEnd(40 + 97 * n, "."), { userId: `user${n % 3}` })),
        ),
      );
    }
    const { size } = statSync(sound);
    assert.ok(size > 100_000);
    const patterns: ((path: string, bytes: Uint8Array) => void)[] = [
      (path, bytes) => writeFileSync(path, bytes.fill(0, 0, 100)),
    ];
    for (let n = 1; n <= 12; n++) patterns.push((path) => truncateSync(path, Math.floor(size * n / 13)));
    for (let n = 0; n < 60; n++) {
      // Half of them in the header and at the heads of pages, where it hurts.
      const at = n < 30 ? Math.floor(n / 3) * 4096 + (n * 7) % 24 : Math.floor(size * n / 60);
      patterns.push((path, bytes) => {
        bytes[at]! ^= 1 << (n % 8);
        writeFileSync(path, bytes);
      });
    }
    let troubles = 0;
    for (const damage of patterns) {
      const path = newPath();
      copyFileSync(sound, path);
      damage(path, readFileSync(path));
      const before = statSync(path);
      const attempt = async (work: () => unknown) => {
        try {
          return await work();
        } catch (error) {
          assert.ok(error instanceof SessionError, String(error));
          troubles++;
        }
      };
      await attempt(async () => {
        await using store = await SqliteStore.open(path, { timeout: 0.2 });
        for (let n = 0; n < count; n++) {
          const record = await attempt(() => store.load(keyOf(n))) as { data: string } | undefined;
          // One byte may be another, as no store can tell; a whole other session never.
          if (record?.data.startsWith(`${n}:`) === false) {
            const expected = `${n}:`.padEnd(40 + 97 * n, ".");
            const wrong = [...record.data].filter((char, i) => char !== expected[i]).length;
            assert.ok(wrong <= 1 && record.data.length <= expected.length, "another session's data");
          }
        }
        await attempt(() => store.list("user1"));
        await attempt(() => store.create(keyOf(1_000), recordOf("x")));
        await attempt(() => store.delete(keyOf(5)));
        await attempt(() => store.clearExpired(1, 10));
      });
      const after = statSync(path);
      assert.equal(after.ino, before.ino);
      assert.ok(after.size >= before.size);
    }
    assert.ok(troubles > 20, `${troubles}`);
  });
});
