import { copyFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { SqliteStore } from "../../../backends/sqlite.ts";
import { instantsSum } from "../../../backends/support/checksum.ts";
import { SessionError } from "../../../src/errors.ts";
import type { StoredRecord } from "../../../src/store.ts";
import { dice, seed } from "../../support/dice.ts";
import {
  connect,
  keyOf,
  recordOf,
  run,
  summaryOf,
  temporaryPaths,
  trouble,
} from "../../support/sqlite/rig.ts";

const newPath = temporaryPaths();
const nextTurn = () => new Promise((resolve) => setTimeout(resolve, 5));

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
      "head = x'00'",
      "head = '\\'",
      "head = '[]'",
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

  it("SR-050 a touch makes no damaged instant valid, and leaves it as it is", async () => {
    const other = connect(newPath());
    await using store = new SqliteStore(other);
    const damages = [
      "expires_at = expires_at | (1 << 44)",
      "expires_at = expires_at & ~(1 << 40)",
      "expires_at = 9223372036854775807",
      "touched_at = touched_at | (1 << 44)",
      "touched_at = touched_at - 1",
      "touched_at = 'yesterday'",
      "instants_sum = instants_sum + 1",
    ];
    for (const [n, damage] of damages.entries()) {
      for (const together of [1, 2]) {
        const [bad, good] = [keyOf(2 * n), keyOf(2 * n + 1)];
        const versions = [
          (await store.create(bad, recordOf("x")))!,
          (await store.create(good, recordOf("y")))!,
        ];
        run(other, `UPDATE sojourn_session SET ${damage} WHERE key = '${bad}'`);
        const row =
          `SELECT CAST(touched_at || ' ' || expires_at || ' ' || instants_sum AS TEXT) FROM sojourn_session
          WHERE key = '${bad}'`;
        const before = run(other, row);
        for (const [touched, expires] of [[3_000, 5e12], [1, 2], [2_000, 9e15]] as const) {
          const touches = [bad, good].slice(0, together).map(async (key, i) =>
            await store.touch(key, touched, expires, versions[i]!)
          );
          await trouble(() => touches[0], "ERR_DAMAGED");
          assert.equal(await (touches[1] ?? true), true);
        }
        assert.equal(run(other, row), before, damage);
        await trouble(() => store.load(bad), "ERR_DAMAGED");
        assert.equal(await store.touch(bad, 3_000, 5e12, "another"), false);
        for (const key of [bad, good]) assert.equal(await store.delete(key), true);
      }
    }
    other.close();
  });

  it("a touch that another process overtakes moves nothing back", async () => {
    const path = newPath();
    const [mine, other] = [connect(path), connect(path)];
    let overtake: () => unknown = () => {};
    await using store = new SqliteStore({
      prepare(sql) {
        const statement = mine.prepare(sql);
        return {
          run(...values) {
            if (sql.startsWith("UPDATE")) overtake();
            return statement.run(...values);
          },
          get: (...values) => statement.get(...values),
          all: (...values) => statement.all(...values),
          finalize: () => statement.finalize?.(),
        };
      },
      close: () => mine.close(),
      inTransaction: false,
    });
    const version = (await store.create(keyOf(1), recordOf("x")))!;
    const sum = instantsSum(keyOf(1), 9_000, 5e12);
    await nextTurn(); // the first write of a turn needs no transaction, which would keep others out
    overtake = () => {
      overtake = () => {};
      run(
        other,
        `UPDATE sojourn_session SET touched_at = 9000, expires_at = 5000000000000, instants_sum = ${sum}`,
      );
    };
    assert.equal(await store.touch(keyOf(1), 3_000, 6e12, version), true);
    const { touchedAt, expiresAt } = (await store.load(keyOf(1)))!;
    assert.deepEqual([touchedAt, expiresAt], [9_000, 6e12]);
    await nextTurn();
    overtake = () => void run(other, "DELETE FROM sojourn_session");
    assert.equal(await store.touch(keyOf(1), 9_001, 7e12, version), false);
    for (const one of [mine, other]) one.close();
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
          if (record !== undefined) assert.equal(record.data, `${n}:`.padEnd(40 + 97 * n, "."));
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

  it("SR-050 no bit that flips on the disk shows a session to another visitor, or shows it altered", async () => {
    const roll = dice(seed);
    const path = newPath();
    const written = new Map<string, StoredRecord>();
    {
      await using store = await SqliteStore.open(path, { synchronous: "NORMAL" });
      for (let n = 0; n < 60; n++) {
        const key = Array.from({ length: 64 }, () => roll(16).toString(16)).join("");
        const record = recordOf(`{"é":"${"x".repeat(roll(n % 12 === 0 ? 6000 : 300))}${n}"}`, {
          ...(n % 4 ? { head: `["ü${"h".repeat(roll(200))}${n}"]` } : {}),
          ...(n % 3 ? { userId: `user${n % 7}` } : {}),
          createdAt: 1.7e12 + roll(1e9),
          touchedAt: 1.8e12 + roll(1e9),
          expiresAt: 4e12 + roll(1e9),
        });
        written.set(key, { ...record, version: (await store.create(key, record))! });
      }
    }
    const sound = readFileSync(path);
    const found = { right: 0, listed: 0, missing: 0, ERR_DAMAGED: 0, ERR_STORE: 0 };
    const attempt = async <T>(read: () => T | Promise<T>): Promise<T | "trouble"> => {
      try {
        return await read();
      } catch (error) {
        assert.ok(error instanceof SessionError, String(error));
        found[error.code as "ERR_STORE"]++;
        return "trouble" as const;
      }
    };
    const lookAround = async (store: SqliteStore, where: string): Promise<void> => {
      for (const [key, expected] of written) {
        const record = await attempt(() => store.load(key));
        if (record === "trouble") continue;
        found[record === undefined ? "missing" : "right"]++;
        if (record !== undefined) assert.deepEqual(record, expected, where);
      }
      for (const user of [1, 4]) {
        const listed = await attempt(() => store.list(`user${user}`));
        if (listed === "trouble") continue;
        assert.equal(new Set(listed.entries.map(({ key }) => key)).size, listed.entries.length, where);
        for (const { key, record } of listed.entries) {
          const { version: _, ...expected } = written.get(key)!;
          assert.equal(record.userId, `user${user}`, where);
          assert.deepEqual(record, summaryOf(expected), where);
          found.listed++;
        }
      }
      const stats = await attempt(() => store.stats(2e12, []));
      if (stats !== "trouble") assert.ok(stats.live <= 60, where);
    };
    for (let flip = 0; flip < 800; flip++) {
      const bit = roll(sound.length * 8);
      const bytes = Uint8Array.from(sound);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(path, bytes);
      const store = await attempt(() => SqliteStore.open(path, { timeout: 0.2 }));
      if (store === "trouble") continue;
      await lookAround(store, `seed ${seed}, flip ${flip}, bit ${bit}`);
      await store.close();
      for (const name of [`${path}-wal`, `${path}-shm`]) rmSync(name, { force: true });
    }
    assert.ok(found.ERR_DAMAGED > 80 && found.right > 1_000 && found.listed > 1_000, JSON.stringify(found));
  });

  it("SR-050 an index that is damaged neither ends a session nor lists one of another user", async () => {
    const path = newPath();
    await using store = await SqliteStore.open(path);
    await store.create(keyOf(1), recordOf("mine", { userId: "ada", expiresAt: 4_000_000_000_000 }));
    await store.close();
    const bytes = readFileSync(path);
    // Entries of the indexes: what is indexed, then the key. The row has the key first.
    const [user, key] = [Buffer.from("ada"), Buffer.from(keyOf(1))];
    const expiry = Buffer.alloc(6);
    expiry.writeUIntBE(4_000_000_000_000, 0, 6);
    const spoilt = [[user, Buffer.from("bda")], [expiry, Buffer.alloc(6)]].map(([was, is]) => {
      const at = bytes.indexOf(Buffer.concat([was!, key]));
      assert.ok(at > 0);
      bytes.set(is!, at);
      return at;
    });
    assert.equal(spoilt.length, 2);
    writeFileSync(path, bytes);
    await using again = await SqliteStore.open(path);
    assert.deepEqual(await again.list("bda"), { entries: [] });
    assert.equal(await again.clearExpired(1_000, 10), 0);
    assert.equal((await again.load(keyOf(1)))?.data, "mine");
  });
});
