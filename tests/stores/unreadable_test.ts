/** Records that cannot be read any more, on every store that can tell them: they can be ended, and are in nobody's way. */

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type DenoKv, DenoKvStore } from "../../backends/deno_kv.ts";
import { FileStore } from "../../backends/file.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { openDatabase } from "../../backends/sqlite/database.ts";
import type { MaybePromise, SessionStore } from "../../src/store.ts";
import { storeCases } from "../../src/testing/suite.ts";
import { openTestKv } from "../support/deno_kv/open_kv.ts";
import { file } from "../support/file/places.ts";

const root = mkdtempSync(join(tmpdir(), "sojourn-unreadable-"));
const kvs: DenoKv[] = [];
after(() => {
  for (const kv of kvs) kv.close();
  rmSync(root, { recursive: true, force: true });
});
let made = 0;
const fresh = () => join(root, String(++made));
const last = () => join(root, String(made));

/** How to spoil what lies under a key; the store is the last one that was opened. */
type Damage = (key: string) => MaybePromise<void>;

async function inSqlite(sql: string, key: string): Promise<void> {
  const database = await openDatabase(last());
  try {
    database.prepare(`UPDATE sojourn_session SET ${sql} WHERE key = ?`).run(key);
  } finally {
    database.close();
  }
}

async function inKv(key: string, change: (bytes: Uint8Array) => unknown): Promise<void> {
  const place = ["sessions", "record", key];
  const { value } = await kvs.at(-1)!.get(place, { consistency: "strong" });
  await kvs.at(-1)!.atomic().set(place, change(Uint8Array.from(value as Uint8Array))).commit();
}

function inFile(key: string, change: (text: string) => string): void {
  const path = file(last(), key);
  const { mtimeMs } = statSync(path);
  writeFileSync(path, change(readFileSync(path, "latin1")), "latin1");
  utimesSync(path, mtimeMs / 1000, mtimeMs / 1000); // damaged files are cleared when their time is over
}

function instead(key: string, plant: (path: string) => void): void {
  const path = file(last(), key);
  rmSync(path);
  plant(path);
}

const stores: Record<string, { open: () => MaybePromise<SessionStore>; damages: Record<string, Damage> }> = {
  SqliteStore: {
    open: () => SqliteStore.open(fresh()),
    damages: {
      "data that is no text": (key) => inSqlite("data = x'00ff'", key),
      "an instant that is text": (key) => inSqlite("created_at = 'yesterday'", key),
      "an instant out of range": (key) => inSqlite("touched_at = 9223372036854775807", key),
    },
  },
  FileStore: {
    open: () => FileStore.open(fresh(), { durability: "os" }),
    damages: {
      "half a file": (key) => inFile(key, (text) => text.slice(0, text.length / 2)),
      "an empty file": (key) => inFile(key, () => ""),
      "a newer format": (key) => inFile(key, (text) => text.replace("session 2 ", "session 3 ")),
      "a folder with something in it": (key) =>
        instead(key, (path) => {
          mkdirSync(path);
          writeFileSync(join(path, "something"), "");
        }),
      "a link": (key) => instead(key, (path) => symlinkSync("/etc/passwd", path)),
      "a file that nobody may read": (key) => {
        inFile(key, () => "?"); // root may read it all the same
        chmodSync(file(last(), key), 0);
      },
    },
  },
  DenoKvStore: {
    open: async () => {
      kvs.push(await openTestKv(":memory:"));
      return new DenoKvStore(kvs.at(-1)!);
    },
    damages: {
      "a value cut short": (key) => inKv(key, (bytes) => bytes.slice(0, 30)),
      "bytes that are no text": (key) => inKv(key, (bytes) => bytes.fill(0xff, 64)),
      "a newer format": (key) => inKv(key, (bytes) => bytes.fill(3, 0, 1)),
    },
  },
};

for (const [name, { open, damages }] of Object.entries(stores)) {
  describe(`${name} with`, () => {
    for (const [words, damage] of Object.entries(damages)) {
      const [{ name: promise, run }] = storeCases(open, { damage: (_, key) => damage(key) })
        .filter(({ name }) => name.includes("cannot be read")) as [ReturnType<typeof storeCases>[0]];
      it(`${words}: ${promise}`, async () => void await run());
    }
  });
}

/** Of records of a user `ada` with the data `"{}"` and an end in 2096. */
const parts: Record<string, Record<"data" | "an instant", Damage>> = {
  SqliteStore: {
    data: (key) => inSqlite("data = '[]'", key),
    "an instant": (key) => inSqlite("expires_at = expires_at + 4294967296", key),
  },
  FileStore: {
    data: (key) => inFile(key, (text) => text.replace(/"{}"$/, '"[]"')),
    "an instant": (key) => inFile(key, (text) => text.replace('"expiresAt":4', '"expiresAt":5')),
  },
  DenoKvStore: {
    data: (key) => inKv(key, (bytes) => (bytes[bytes.length - 5]! ^= 1, bytes)),
    "an instant": (key) => inKv(key, (bytes) => (bytes[20]! ^= 1, bytes)),
  },
};

for (const [name, damages] of Object.entries(parts)) {
  describe(`${name}, of whose record is damaged`, () => {
    const key = "ab".repeat(32);
    const ada = { data: "{}", userId: "ada", createdAt: 1, touchedAt: 2, expiresAt: 4e12 };
    const isDamaged = async (work: () => unknown) =>
      await assert.rejects(async () => await work(), { code: "ERR_DAMAGED" });

    it("the data alone: SR-050 it is listed, and a deletion ends it and its place in the list", async () => {
      const store = await stores[name]!.open();
      const { data: _, ...shown } = ada;
      await store.create(key, ada);
      await damages.data(key);
      await isDamaged(() => store.load(key));
      assert.deepEqual(await store.list!("ada"), { entries: [{ key, record: shown }] });
      assert.equal(await store.delete(key), true);
      assert.deepEqual(await store.list!("ada"), { entries: [] });
      assert.equal(await store.load(key), undefined);
      assert.equal(await store.delete(key), false);
      await store.close!();
    });

    it("an instant: SR-050 no touch makes it valid, and a deletion ends it", async () => {
      const store = await stores[name]!.open();
      const version = (await store.create(key, ada))!;
      await damages["an instant"](key);
      for (const end of [5, 4.1e12, 9e15]) {
        await isDamaged(() => store.touch!(key, 3, end, version));
        await isDamaged(() => store.load(key));
      }
      assert.equal(await store.delete(key), true);
      assert.equal(await store.load(key), undefined);
      assert.deepEqual(await store.list!("ada"), { entries: [] });
      await store.close!();
    });
  });
}
