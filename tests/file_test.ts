import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { FileStore, type FileStoreOptions } from "../backends/file.ts";
import { SessionError, type SessionErrorCode } from "../src/errors.ts";
import type { SessionRecord, StoredRecord } from "../src/store.ts";
import { isDeno, other, own, start } from "./file_processes.ts";

const A = "0a".repeat(32);
const B = "0b".repeat(32);
const root = fs.mkdtempSync(`${tmpdir()}/file-store-`);
let count = 0;

const record = (data: string, more: Partial<SessionRecord> = {}): SessionRecord => ({
  data,
  createdAt: 1000,
  touchedAt: 2000,
  expiresAt: 4e12,
  ...more,
});
const withCode = (code: SessionErrorCode) => (error: unknown) =>
  error instanceof SessionError && error.code === code;
const file = (directory: string, key: string) => `${directory}/sessions/${key.slice(0, 2)}/${key[2]}/${key}`;
const nth = (i: number) => i.toString(16).padStart(3, "0").padEnd(64, "e");

async function fresh(options?: FileStoreOptions): Promise<[store: FileStore, directory: string]> {
  const directory = `${root}/${count++}`;
  return [await FileStore.open(directory, options), directory];
}

/** All paths below a folder, with their modes. */
function walk(path: string): { path: string; mode: number; isFile: boolean }[] {
  return fs.readdirSync(path).flatMap((name) => {
    const inside = `${path}/${name}`;
    const facts = fs.lstatSync(inside);
    const own = { path: inside, mode: facts.mode & 0o7777, isFile: facts.isFile() };
    return facts.isDirectory() ? [own, ...walk(inside)] : [own];
  });
}
const leavings = (directory: string) => walk(`${directory}/work`);
const entries = (directory: string) => walk(`${directory}/users`).filter(({ isFile }) => isFile).length;

before(() => fs.mkdirSync(root, { recursive: true }));
after(() => fs.rmSync(root, { recursive: true, force: true }));

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

  it("compares and sets: create, save, rotate, delete, touch", async () => {
    const [store, directory] = await fresh();
    const one = await store.create(A, record("1"));
    assert.equal(await store.create(A, record("x")), undefined);
    const two = await store.save(A, record("2"), one!);
    assert.notEqual(two, one);
    assert.equal(await store.save(A, record("x"), one!), undefined);
    assert.equal(await store.save(B, record("x"), two!), undefined);
    assert.equal(await store.rotate(A, B, record("x"), one!), undefined);
    assert.equal(await store.rotate(A, A, record("x"), two!), undefined);
    assert.equal(await store.touch(A, 5, 3e12), true);
    assert.deepEqual(await store.load(A), {
      ...record("2", { touchedAt: 5, expiresAt: 3e12 }),
      version: two,
    });
    const three = await store.rotate(A, B, record("3"), two!);
    assert.equal(await store.load(A), undefined);
    assert.deepEqual(await store.load(B), { ...record("3"), version: three });
    await store.create(A, record("taken"));
    assert.equal(await store.rotate(B, A, record("x"), three!), undefined);
    assert.equal((await store.load(B))?.data, "3");
    assert.deepEqual([await store.delete(B), await store.delete(B)], [true, false]);
    assert.deepEqual([await store.touch(B, 1, 1), await store.save(B, record("x"), three!)], [
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
    await store.create(B, record("b"));
    const old = (await store.load(B))!.version;
    await store.create(A, record("gone", { expiresAt: now - 1 }));
    assert.ok(await store.rotate(B, A, record("in its place"), old));
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
    const rotates = Array.from({ length: 50 }, (_, i) => store.rotate(A, nth(i), record("r"), version));
    assert.equal(won(await Promise.all([...saves, ...rotates])), 1);
    assert.deepEqual([entries(directory), leavings(directory)], [1, []]);
  });

  it("lists a user's sessions, and the index never grows for ever", async () => {
    const [store, directory] = await fresh({ durability: "os" });
    const versions = new Map<string, string>();
    for (let i = 0; i < 9; i++) {
      versions.set(nth(i), (await store.create(nth(i), record(`${i}`, { userId: `u${i % 2}` })))!);
    }
    const keys = async (userId: string) => (await store.list(userId)).map(({ key }) => key).sort();
    assert.deepEqual(await keys("u1"), [1, 3, 5, 7].map(nth));
    assert.deepEqual(
      (await store.list("u1")).find(({ key }) => key === nth(1))?.record,
      record("1", { userId: "u1" }),
    );
    await store.save(nth(1), record("x", { userId: "u0" }), versions.get(nth(1))!);
    await store.save(nth(3), record("x"), versions.get(nth(3))!);
    await store.rotate(nth(5), B, record("x", { userId: "u1" }), versions.get(nth(5))!);
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
      const expiresAt = i % 3 ? 5000 + i % 2 : 5001.5 + i;
      await store.create(nth(i * 67 % 4096), record(`${i}`, { expiresAt, userId: "u" }));
    }
    assert.equal(await store.clearExpired(4999, 100), 0);
    const removed = [];
    for (let i = 0; i < 5; i++) removed.push(await store.clearExpired(5001, 12));
    assert.deepEqual(removed, [12, 12, 12, 4, 0]);
    assert.equal((await store.list("u")).length, 20);
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
    assert.equal((await store.list("w")).length, 1);
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
    await assert.rejects(open(root, { durable: true }), /no option "durable"/);
    await assert.rejects(open(root, { durability: "maybe" }), TypeError);
    for (const timeout of [0, -1, NaN, Infinity, "2"]) {
      await assert.rejects(open(root, { timeout }), RangeError);
    }
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
          () => store.rotate(A, key, record("x"), "v"),
          () => store.delete(key),
          () => store.touch(key, 1, 1),
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

describe("file store, damage", () => {
  async function refused(store: FileStore, key: string, codes: SessionErrorCode[]): Promise<void> {
    const found: StoredRecord | undefined | SessionErrorCode = await store.load(key).catch((error) =>
      error.code
    );
    assert.ok(codes.includes(found as SessionErrorCode), `${JSON.stringify(found)}, expected ${codes}`);
  }

  it("SR-050 every flipped bit, every truncation and any addition is refused, and the bytes stay", async () => {
    const [store, directory] = await fresh({ durability: "os" });
    await store.create(A, record('{"n":1}', { userId: "u" }));
    const path = file(directory, A);
    const good = fs.readFileSync(path);
    const attempt = async (bytes: Uint8Array, codes: SessionErrorCode[] = ["ERR_DAMAGED"]) => {
      fs.writeFileSync(path, bytes);
      await refused(store, A, codes);
    };
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bytes = Buffer.from(good);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      // The digit of the format number can become a higher one.
      await attempt(bytes, bit >> 3 === 16 ? ["ERR_DAMAGED", "ERR_STORE"] : undefined);
      assert.deepEqual(fs.readFileSync(path), bytes);
    }
    for (let length = 0; length < good.length; length++) await attempt(good.subarray(0, length));
    await attempt(Buffer.concat([good, Buffer.from(" ")]));
    for (const bytes of [good.subarray(0, 90), Buffer.alloc(4096), Buffer.alloc(100, "sojourn")]) {
      await attempt(bytes);
      await assert.rejects(store.create(A, record("x")), withCode("ERR_DAMAGED"));
      await assert.rejects(store.save(A, record("x"), "v"), withCode("ERR_DAMAGED"));
      await assert.rejects(store.touch(A, 1, 1), withCode("ERR_DAMAGED"));
      assert.deepEqual(fs.readFileSync(path), Buffer.from(bytes));
      assert.deepEqual(await store.list("u"), []);
    }
    assert.equal(await store.delete(A), true);
    assert.deepEqual(leavings(directory), []);
  });

  it("SR-050 swapped files are refused, a newer format is ERR_STORE and left alone", async () => {
    const [store, directory] = await fresh({ durability: "os" });
    await store.create(A, record("a"));
    await store.create(B, record("b"));
    const [a, b] = [file(directory, A), file(directory, B)];
    fs.renameSync(a, `${a}x`);
    fs.renameSync(b, a);
    fs.renameSync(`${a}x`, b);
    await refused(store, A, ["ERR_DAMAGED"]);
    await refused(store, B, ["ERR_DAMAGED"]);
    const newer = fs.readFileSync(b, "latin1").replace("session 1 ", "session 2 ");
    fs.writeFileSync(b, newer);
    fs.utimesSync(b, 1, 1);
    for (const use of [() => store.load(B), () => store.create(B, record("x")), () => store.delete(B)]) {
      await assert.rejects(async () => await use(), withCode("ERR_STORE"));
    }
    assert.equal(await store.clearExpired(1e9, 9), 0);
    assert.equal(fs.readFileSync(b, "latin1"), newer);
  });

  it("SR-050 a damaged file stays until its time is over", async () => {
    const [store, directory] = await fresh({ durability: "os" });
    await store.create(A, record("a", { expiresAt: 50_000 }));
    fs.writeFileSync(file(directory, A), "?");
    fs.utimesSync(file(directory, A), 50, 50);
    assert.deepEqual([await store.clearExpired(49_999, 9), await store.clearExpired(50_000, 9)], [0, 1]);
    assert.equal(await store.load(A), undefined);
  });

  const plants: Record<string, (path: string, target: string) => void> = {
    "a symbolic link": (path, target) => fs.symlinkSync(target, path),
    "a link to nowhere": (path) => fs.symlinkSync("/nowhere/at/all", path),
    "a hard link": (path, target) => fs.linkSync(target, path),
    "a fifo": (path) => execFileSync("mkfifo", [path]),
    "a folder": (path) => fs.mkdirSync(path),
    "a socket's device": (path) => execFileSync("mknod", [path, "c", "1", "5"], { stdio: "ignore" }),
  };
  for (const [name, plant] of Object.entries(plants)) {
    it(`SR-053 F7 ${name} under a record's name is a damaged record, and not followed`, async (t) => {
      const [store, directory] = await fresh({ durability: "os" });
      // The target is a true file of the same session, so only the way to it is wrong.
      const version = await store.create(A, record("target", { expiresAt: 1000 }));
      const target = `${root}/target-${count++}`;
      fs.renameSync(file(directory, A), target);
      const bytes = fs.readFileSync(target);
      try {
        plant(file(directory, A), target);
      } catch (error) {
        if (!name.includes("device")) throw error;
        return t.skip("not on this machine: making device nodes needs root");
      }
      const uses: (() => Promise<unknown>)[] = [
        () => store.load(A),
        () => store.create(A, record("x")),
        () => store.save(A, record("x"), version!),
        () => store.touch(A, 1, 1),
        () => store.delete(A),
      ];
      for (const use of uses) {
        const started = performance.now();
        await assert.rejects(use(), withCode("ERR_DAMAGED"));
        assert.ok(performance.now() - started < 100);
      }
      assert.equal(await store.clearExpired(1e13, 9), 0);
      assert.deepEqual(fs.readFileSync(target), bytes);
      assert.ok(fs.lstatSync(file(directory, A)));
      assert.deepEqual(leavings(directory), []);
    });
  }
});

describe("file store, who may look", () => {
  for (const umask of ["000", "077", "027"]) {
    it(`SR-053 under umask ${umask} folders are 0700 and files 0600`, async () => {
      const directory = `${root}/umask-${umask}`;
      const child = start(own, ["umask", directory], `umask ${umask}`);
      assert.equal(await child.ended, 0);
      assert.deepEqual(child.lines, ["c d"]);
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
    const source = new URL("..", import.meta.url).pathname;
    const child = start(own, ["once", directory], "true", [
      `--allow-read=${directory},${source}`,
      `--allow-write=${directory}`,
    ]);
    assert.equal(await child.ended, 0);
    assert.deepEqual(child.lines, ["c d"]);
  });
});

describe("file store, processes", () => {
  it("SR-051 F1 a writer killed ten times loses, tears and brings back nothing", async () => {
    const directory = `${root}/killed`;
    const said = new Map<string, string>();
    for (let round = 1; round <= 10; round++) {
      const child = start(own, ["write", directory, `${round}000`]);
      await child.said(1 + round * 7);
      child.process.kill("SIGKILL");
      assert.equal(await child.ended, "SIGKILL");
      for (const line of child.lines) said.set(...line.split(" ") as [string, string]);
      assert.ok(leavings(directory).filter(({ isFile }) => isFile).length <= 4);
      const store = await FileStore.open(directory);
      assert.deepEqual(leavings(directory), []);
      const last = child.lines.at(-1)!.split(" ")[0]!;
      for (const [key, value] of said) {
        const found = (await store.load(key))?.data ?? "-";
        // The one that was at work may be a step further than it could say.
        if (key !== last) assert.equal(found, value);
        else {assert.ok(
            found === value || found === "-" || Number(found) > Number(value),
            `${value}, then ${found}`,
          );}
        said.set(key, found);
      }
      await store.close();
    }
  });

  it("SR-042 F8 four processes, Deno and Bun where both are here, add to one session and none is lost", async () => {
    const [store, directory] = await fresh();
    await store.create(A, record("0", { userId: "u" }));
    const second = other() ?? own;
    const children = [own, second, own, second].map((runtime) =>
      start(runtime, ["add", directory, "100", A])
    );
    for (const child of children) assert.equal(await child.ended, 0);
    assert.equal((await store.load(A))?.data, "400");
    assert.deepEqual(leavings(directory), []);
    assert.equal((await store.list("u")).length, 1);
  });

  it("SR-054 F6 locks and 1,000 temporary files of killed processes block nobody and go", async () => {
    const [store, directory] = await fresh();
    let version = await store.create(A, record("0"));
    const lock = (token: string) => fs.mkdirSync(`${directory}/work/${A}/${token}`, { recursive: true });
    for (const use of ["save", "delete"] as const) {
      lock(`killed-${use}`);
      const started = performance.now();
      if (use === "save") version = await store.save(A, record("1"), version!);
      else await store.delete(A);
      assert.ok(version);
      assert.ok(performance.now() - started < 2000);
    }
    assert.equal(await store.load(A), undefined);
    await store.create(B, record("live"));
    const plant = () => {
      lock("killed-again");
      for (let i = 0; i < 1000; i++) {
        fs.mkdirSync(`${directory}/work/${i}`);
        fs.writeFileSync(`${directory}/work/${i}/${i}`, "half");
      }
    };
    plant();
    const again = await FileStore.open(directory);
    assert.deepEqual(leavings(directory), []);
    plant();
    await again.clearExpired(0, 1);
    assert.ok(leavings(directory).length > 1000, "nobody is disturbed within ten seconds");
    for (const name of fs.readdirSync(`${directory}/work`)) {
      fs.utimesSync(`${directory}/work/${name}`, Date.now() / 1000 - 11, Date.now() / 1000 - 11);
    }
    await again.clearExpired(0, 1);
    assert.deepEqual(leavings(directory), []);
    assert.equal((await store.load(B))?.data, "live");
  });

  it("SR-054 F4 with 32 file descriptors 100 saves at once end well or typed", async () => {
    const [store, directory] = await fresh();
    const child = start(own, ["many", directory, "100"], "ulimit -n 32");
    assert.equal(await child.ended, 0);
    assert.ok(["ok", "ERR_STORE", "ERR_STORE ok"].includes(child.lines[0]!), child.lines[0]);
    assert.equal(child.lines[1], "after");
    assert.deepEqual(leavings(directory), []);
    assert.equal(entries(directory), (await store.list("u")).length);
  });

  it("SR-054 F3 F5 a full and a read-only disk are typed errors, and the old records stay", async (t) => {
    const directory = `${root}/small`;
    fs.mkdirSync(directory, 0o700);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", directory], {
        stdio: "ignore",
      });
    } catch {
      return t.skip("not on this machine: mounting a small disk needs root");
    }
    try {
      const store = await FileStore.open(directory);
      let version = await store.create(A, record("old"));
      const bulk = record("x".repeat(20_000));
      const kept: string[] = [];
      let failed = 0;
      for (let i = 0; i < 200; i++) {
        try {
          if (await store.create(nth(i), bulk)) kept.push(nth(i));
        } catch (error) {
          assert.ok(
            withCode("ERR_STORE")(error) &&
              ((error as Error).cause as NodeJS.ErrnoException).code === "ENOSPC",
          );
          failed++;
        }
      }
      assert.ok(failed > 100);
      assert.deepEqual(leavings(directory), []);
      await assert.rejects(store.save(A, bulk, version!), withCode("ERR_STORE"));
      assert.equal((await store.load(A))?.data, "old");
      for (const key of kept) assert.equal((await store.load(key))?.data, bulk.data);
      assert.equal(await store.delete(kept[0]!), true);
      assert.ok(version = await store.save(A, record("new"), version!));
      execFileSync("mount", ["-o", "remount,ro", directory]);
      await assert.rejects(store.save(A, bulk, version!), withCode("ERR_STORE"));
      await assert.rejects(store.delete(A), withCode("ERR_STORE"));
      assert.equal((await store.load(A))?.data, "new");
      execFileSync("mount", ["-o", "remount,rw", directory]);
      assert.ok(await store.save(A, record("newer"), version!));
    } finally {
      execFileSync("umount", [directory]);
    }
  });
});
