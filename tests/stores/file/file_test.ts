import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { FileStore, type FileStoreOptions } from "../../../backends/file.ts";
import { entries, file, leavings, walk } from "../../support/file/places.ts";
import { A, B, cleanUp, fileChild, fresh, nth, record, root, withCode } from "../../support/file/rig.ts";
import { isDeno, own, start } from "../../support/processes.ts";

after(cleanUp);

describe("file store", () => {
  it("gives back what was saved, in another instance too", async () => {
    const [store, directory] = await fresh();
    const first = record('{"a":"ü\\ud83d\\n\0"}\ud800', { userId: "ü/../\0\ud801" });
    const version = await store.create(A, first);
    const again = await FileStore.open(pathToFileURL(directory));
    assert.deepEqual(await again.load(A), { ...first, version });
    assert.equal(await store.load(B), undefined);
    assert.deepEqual(fs.readdirSync(file(directory, A).slice(0, -65)), [A]);
  });

  it("compares and sets: create, save, delete, touch", async () => {
    const [store, directory] = await fresh();
    const one = await store.create(A, record("1"));
    assert.equal(await store.create(A, record("x")), undefined);
    const two = await store.save(A, record("2"), one!);
    assert.notEqual(two, one);
    assert.equal(await store.save(A, record("x"), one!), undefined);
    assert.equal(await store.save(B, record("x"), two!), undefined);
    assert.equal(await store.touch(A, 5e12, 6e12, one!), false);
    assert.equal(await store.touch(B, 5e12, 6e12, two!), false);
    assert.equal(await store.touch(A, 5000, 3e12, two!), true, "an instant that is earlier stays");
    assert.deepEqual(await store.load(A), { ...record("2", { touchedAt: 5000 }), version: two });
    assert.equal(await store.touch(A, 4000, 5e12, two!), true);
    assert.deepEqual(await store.load(A), {
      ...record("2", { touchedAt: 5000, expiresAt: 5e12 }),
      version: two,
    });
    const three = await store.save(A, record("3", { head: "1 é\ud800\n{}" }), two!);
    assert.deepEqual(await store.load(A), { ...record("3", { head: "1 é\ud800\n{}" }), version: three });
    assert.deepEqual([await store.delete(A), await store.delete(A)], [true, false]);
    assert.deepEqual([await store.touch(A, 1, 1, three!), await store.save(A, record("x"), three!)], [
      false,
      undefined,
    ]);
    assert.deepEqual(leavings(directory), []);
  });

  it("an expired record may be replaced, and no version comes twice", async () => {
    let now = 1000;
    const [store] = await fresh({ now: () => now });
    const versions = new Set<string>();
    for (let i = 0; i < 20; i++) {
      versions.add((await store.create(A, record("1", { expiresAt: now + 10 })))!);
      assert.equal(await store.create(A, record("2")), undefined);
      if (i % 2) await store.delete(A);
      else now += 10;
    }
    assert.equal(versions.size, 20);
  });

  it("of 50 at once on one version one wins, and one of 50 creates", async () => {
    const [store, directory] = await fresh({ durability: "os" });
    const won = (results: unknown[]) => results.filter((version) => version !== undefined).length;
    const creates = Array.from(
      { length: 50 },
      (_, i) => store.create(A, record(`${i}`, { userId: `u${i}` })),
    );
    assert.equal(won(await Promise.all(creates)), 1);
    const { version, userId } = (await store.load(A))!;
    const saves = Array.from(
      { length: 50 },
      (_, i) => store.save(A, record(`${i}`, { userId: userId! }), version),
    );
    assert.equal(won(await Promise.all(saves)), 1);
    assert.deepEqual([entries(directory), leavings(directory)], [1, []]);
  });

  it("lists a user's sessions, and the index never grows for ever", async () => {
    const [store, directory] = await fresh({ durability: "os" });
    const versions = new Map<string, string>();
    for (let i = 0; i < 9; i++) {
      versions.set(nth(i), (await store.create(nth(i), record(`${i}`, { userId: `u${i % 2}` })))!);
    }
    const keys = async (userId: string) => (await store.list(userId)).entries.map(({ key }) => key).sort();
    assert.deepEqual(await keys("u1"), [1, 3, 5, 7].map(nth));
    assert.deepEqual(
      (await store.list("u1")).entries.find(({ key }) => key === nth(1))?.record,
      { userId: "u1", createdAt: 1000, touchedAt: 2000, expiresAt: 4e12 },
    );
    await store.save(nth(1), record("x", { userId: "u0" }), versions.get(nth(1))!);
    await store.save(nth(3), record("x"), versions.get(nth(3))!);
    await store.delete(nth(5));
    await store.create(B, record("x", { userId: "u1" }));
    await store.delete(nth(7));
    assert.deepEqual(await keys("u1"), [B]);
    assert.deepEqual(await keys("u0"), [0, 1, 2, 4, 6, 8].map(nth));
    assert.deepEqual(await keys("nobody"), []);
    assert.equal(entries(directory), 7);
    // What a killed process left: a record that is gone, and one that is another's.
    fs.rmSync(file(directory, B));
    const folder = walk(`${directory}/users`).find(({ path }) => path.endsWith(B))!.path.slice(0, -65);
    fs.writeFileSync(`${folder}/${nth(0)}`, "");
    fs.writeFileSync(`${folder}/not a key`, "");
    assert.deepEqual(await keys("u1"), []);
    assert.deepEqual(fs.readdirSync(folder), ["not a key"]);
    fs.rmSync(folder, { recursive: true });
    for (const key of await keys("u0")) await store.delete(key);
    assert.deepEqual(
      walk(`${directory}/users`).filter(({ path }) => path.split("/users/")[1]!.length > 2),
      [],
    );
  });

  it("clears what has expired, at most so many at a time, and nothing else", async () => {
    const [store, directory] = await fresh({ durability: "os" });
    for (let i = 0; i < 60; i++) {
      const expiresAt = i % 3 ? 5000 + i % 2 : 5002 + i;
      await store.create(nth(i * 67 % 4096), record(`${i}`, { expiresAt, userId: "u" }));
    }
    assert.equal(await store.clearExpired(4999, 100), 0);
    const removed = [];
    for (let i = 0; i < 5; i++) removed.push(await store.clearExpired(5001, 12));
    assert.deepEqual(removed, [12, 12, 12, 4, 0]);
    assert.equal((await store.list("u")).entries.length, 20);
    assert.equal(entries(directory), 20);
    assert.deepEqual([await store.clearExpired(1e9, 0), await store.clearExpired(1e9, Infinity)], [0, 20]);
    // A file time is only a hint: a copy may have lost it.
    await store.create(A, record("alive"));
    fs.utimesSync(file(directory, A), 1, 1);
    assert.deepEqual([await store.clearExpired(1e9, 9), (await store.load(A))?.data], [0, "alive"]);
  });

  it("clearing expired heals the index of users who are never listed", async () => {
    const [store, directory] = await fresh({ durability: "os" });
    await store.create(A, record("1", { userId: "u" }));
    await store.create(B, record("2", { userId: "w" }));
    fs.rmSync(file(directory, A));
    const empty = `${directory}/users/ff/${"f".repeat(64)}`;
    fs.mkdirSync(empty, { recursive: true });
    for (let i = 0; i < 256; i++) await store.clearExpired(0, 1);
    assert.equal(entries(directory), 1);
    assert.equal((await store.list("w")).entries.length, 1);
    assert.ok(!fs.existsSync(empty));
  });

  it("closes twice, waits for what runs, and then refuses", async () => {
    const [store] = await fresh();
    let isSaved = false;
    const saving = store.create(A, record("1")).then(() => isSaved = true);
    await store.close();
    assert.ok(isSaved);
    await saving;
    await store.close();
    await store[Symbol.asyncDispose]();
    await assert.rejects(async () => await store.load(A), withCode("ERR_STORE"));
  });

  it("wrong options and directories are refused", async () => {
    const open = (directory: unknown, options?: unknown) =>
      FileStore.open(directory as string, options as FileStoreOptions);
    for (const directory of ["", 1, undefined, "a\0b"]) await assert.rejects(open(directory), TypeError);
    await assert.rejects(open(root, { durable: true }), {
      name: "TypeError",
      message: 'FileStore: unknown option "durable"; known options: durability, timeout, now',
    });
    await assert.rejects(open(root, { durability: "maybe" }), TypeError);
    for (const timeout of [0, -1, NaN, Infinity, 3_000_000]) {
      await assert.rejects(open(root, { timeout }), RangeError);
    }
    await assert.rejects(open(root, { timeout: "2" }), TypeError);
    await assert.rejects(open(root, { now: 1 }), TypeError);
  });

  it("SR-052 only 64 hex digits are a key, and no file is made for another", async () => {
    const [store, directory] = await fresh();
    const before = walk(directory).length;
    const names = [
      "",
      "CON",
      "a:b",
      "../../x",
      `${"../".repeat(20)}${"a".repeat(4)}`,
      "\0".repeat(64),
      "A".repeat(64),
    ];
    for (const key of [...names, "é".repeat(64), "a".repeat(63), "a".repeat(300), `${A}\n`]) {
      for (
        const use of [
          () => store.load(key),
          () => store.create(key, record("x")),
          () => store.save(key, record("x"), "v"),
          () => store.delete(key),
          () => store.touch(key, 1, 1, "v"),
        ]
      ) await assert.rejects(async () => await use(), TypeError);
    }
    assert.equal(walk(directory).length, before);
  });

  it("a session over 16 MiB is ERR_TOO_LARGE, and the old one stays", async () => {
    const [store, directory] = await fresh({ durability: "os" });
    const version = await store.create(A, record("old"));
    await assert.rejects(store.save(A, record("x".repeat(16_777_216)), version!), withCode("ERR_TOO_LARGE"));
    assert.equal((await store.load(A))?.data, "old");
    assert.deepEqual(leavings(directory), []);
  });
});

describe("file store, who may look", () => {
  for (const umask of ["000", "077", "027"]) {
    it(`SR-053 under umask ${umask} folders are 0700 and files 0600`, async () => {
      const directory = `${root}/umask-${umask}`;
      const child = start(fileChild, own, ["umask", directory], { shell: `umask ${umask}` });
      assert.equal(await child.ended, 0);
      assert.deepEqual(child.lines, ["5000000000000,4000000000000 b"]);
      assert.equal(fs.statSync(directory).mode & 0o7777, 0o700);
      const found = walk(directory);
      assert.ok(found.some(({ isFile }) => isFile));
      for (const { path, mode, isFile } of found) assert.equal(mode, isFile ? 0o600 : 0o700, path);
    });
  }

  it("SR-053 a folder of others, of another user, or no folder is a TypeError, and nothing is made in it", async (t) => {
    const directory = `${root}/open`;
    fs.mkdirSync(directory);
    for (const mode of [0o777, 0o770, 0o702, 0o1777]) {
      fs.chmodSync(directory, mode);
      await assert.rejects(FileStore.open(directory), TypeError);
    }
    fs.chmodSync(directory, 0o755);
    fs.symlinkSync(directory, `${root}/link`);
    await assert.rejects(FileStore.open(`${root}/link`), TypeError);
    fs.writeFileSync(`${root}/file`, "");
    await assert.rejects(FileStore.open(`${root}/file`), TypeError);
    fs.symlinkSync("/tmp", `${directory}/sessions`);
    await assert.rejects(FileStore.open(directory), TypeError);
    fs.rmSync(`${directory}/sessions`);
    await FileStore.open(directory);
    assert.equal(fs.statSync(directory).mode & 0o7777, 0o700);
    const foreign = `${root}/foreign`;
    fs.mkdirSync(foreign, 0o700);
    try {
      fs.chownSync(foreign, 12345, 12345);
    } catch {
      return t.skip("not on this machine: giving a folder away needs root");
    }
    await assert.rejects(FileStore.open(foreign), TypeError);
    assert.deepEqual(fs.readdirSync(foreign), []);
  });

  it("a folder that holds other things keeps its mode", async () => {
    const directory = `${root}/shared`;
    fs.mkdirSync(directory, 0o755);
    fs.writeFileSync(`${directory}/index.html`, "");
    await FileStore.open(directory);
    assert.deepEqual(
      [0o755, 0o700],
      [directory, `${directory}/sessions`].map((path) => fs.statSync(path).mode & 0o7777),
    );
  });

  it("Deno needs no more than to read and write the folder", {
    skip: !isDeno && "not on this runtime: Bun has no permissions",
  }, async () => {
    const directory = `${root}/permitted`;
    fs.mkdirSync(directory, 0o700);
    const source = new URL("../../..", import.meta.url).pathname;
    const child = start(fileChild, own, ["once", directory], {
      permissions: [`--allow-read=${directory},${source}`, `--allow-write=${directory}`],
    });
    assert.equal(await child.ended, 0);
    assert.deepEqual(child.lines, ["5000000000000,4000000000000 b"]);
  });
});
