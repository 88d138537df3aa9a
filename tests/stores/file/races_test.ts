/** What other processes do to a session's file, entry or lock in between two calls of the disk. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LockTimeout } from "../../../backends/file/lock.ts";
import { openFolders } from "../../../backends/file/layout.ts";
import { encodeFile } from "../../../backends/file/format.ts";
import { FileSessions } from "../../../backends/file/records.ts";
import { A, B, ModelDisk, record } from "../../support/file/model_disk.ts";

interface Scene {
  readonly disk: ModelDisk;
  /** The same files, as another process has them. */
  readonly other: ModelDisk;
  readonly sessions: FileSessions;
  readonly version: string;
}

/** A store with one session, `A`, of user `u`. */
async function start(patience = 4): Promise<Scene> {
  const disk = new ModelDisk();
  const sessions = new FileSessions(disk, await openFolders(disk, "/s"), patience, () => 1000);
  const version = await sessions.create(A, record("old", "u"));
  assert.ok(version);
  return { disk, other: disk.view(), sessions, version };
}

/** Does something once, just before the first call that `isIt`. */
function once(disk: ModelDisk, isIt: (call: string, path: string) => boolean, act: () => void): void {
  disk.before = (_step, call, path) => {
    if (!isIt(call, path)) return;
    disk.before = () => {};
    act();
  };
}

const entries = (disk: ModelDisk) => disk.files().filter((path) => path.startsWith("/s/users/"));
const keysOf = async (sessions: FileSessions, userId: string) =>
  (await sessions.list(userId, undefined, 100)).entries.map(({ key }) => key);
/** The staged folder on its way to become the lock. */
const taking = (call: string, path: string) => call === "move" && /^\/s\/work\/[^/]+$/.test(path);

describe("file store, the index and the lock", () => {
  it("after each change the index has one entry per session of a user, and nothing is at work", async () => {
    const { disk, other, sessions, version } = await start();
    const check = (keys: string[], userId?: string) => {
      const expected = keys.map((key) => `${sessions.users.folder(userId!)}/${key}`);
      assert.deepEqual(entries(disk), expected);
      assert.deepEqual(other.names("/s/work"), []);
    };
    check([A], "u");
    const two = await sessions.save(A, record("x", "w"), version);
    check([A], "w");
    const three = await sessions.save(A, record("x"), two!);
    check([]);
    const four = await sessions.save(A, record("x", "u"), three!);
    check([A], "u");
    assert.equal(await sessions.touch(A, 2, 2e12, four!), true);
    check([A], "u");
    assert.equal(await sessions.delete(A), true);
    check([]);
  });

  it("a delete of what never was there answers false, with no folder for it either", async () => {
    const { sessions } = await start();
    assert.equal(await sessions.delete(B), false);
    assert.equal(await sessions.erase(B, () => true), undefined);
  });

  it("a session that goes while its lock is taken was deleted by another", async () => {
    for (const condition of ["whatever", () => true] as const) {
      const { disk, other, sessions } = await start();
      once(disk, taking, () => other.remove(sessions.folders.file(A)));
      assert.equal(await sessions.erase(A, condition), undefined);
      assert.deepEqual(disk.files().filter((path) => path.includes("/work/")), []);
    }
  });

  for (const name of ["create", "save"]) {
    it(`SR-054 ${name}: an entry that another heals away before the record is there comes again`, async () => {
      const { disk, other, sessions, version } = await start();
      const key = name === "save" ? A : B;
      once(disk, taking, () => other.remove(`${sessions.users.folder("w")}/${key}`));
      const changed = await (name === "create"
        ? sessions.create(B, record("new", "w"))
        : sessions.save(A, record("new", "w"), version));
      assert.ok(changed);
      assert.equal(sessions.load(key)?.version, changed);
      assert.deepEqual(await keysOf(sessions, "w"), [key]);
    });
  }

  it("a record that changed while the lock was taken is not saved over or touched", async () => {
    for (const name of ["save", "touch"]) {
      const { disk, other, sessions, version } = await start();
      once(disk, taking, () => {
        other.remove(sessions.folders.file(A));
        void other.write(sessions.folders.file(A), encodeFile(A, record("other", "u"), "v2"), 1e12);
      });
      const changed = await (name === "save"
        ? sessions.save(A, record("mine", "w"), version)
        : sessions.touch(A, 2, 2e12, version));
      assert.equal(changed, name === "save" ? undefined : false);
      assert.equal(sessions.load(A)?.data, "other");
      assert.equal(sessions.load(A)?.expiresAt, 1e12);
      assert.deepEqual(entries(disk), [`${sessions.users.folder("u")}/${A}`]);
    }
  });

  it("a create finds a key that was taken while it took the lock", async () => {
    const { disk, other, sessions } = await start();
    once(disk, taking, () => {
      void other.write(sessions.folders.file(B), encodeFile(B, record("other"), "v2"), 1e12);
    });
    assert.equal(await sessions.create(B, record("mine", "w")), undefined);
    assert.equal(sessions.load(B)?.data, "other");
    assert.equal(entries(disk).length, 1);
  });

  it("a save of a session whose entry is missing is done all the same", async () => {
    const { disk, other, sessions, version } = await start();
    other.remove(entries(disk)[0]!);
    assert.ok(await sessions.save(A, record("new", "u"), version));
    assert.equal(sessions.load(A)?.data, "new");
  });

  it("a folder that somebody took away is made again", async () => {
    const { other, sessions, version } = await start();
    await sessions.delete(A);
    other.removeFolder(sessions.folders.shard(A));
    assert.ok(await sessions.create(A, record("new")));
    other.clear(sessions.folders.sessions);
    other.makeFolder(sessions.folders.sessions);
    const next = await sessions.create(A, record("newer", "u"));
    assert.ok(next !== undefined && next !== version);
    assert.equal(sessions.load(A)?.data, "newer");
  });

  it("an entry is healed in one try, as a lock that is held may be about its session", async () => {
    const { disk, other, sessions } = await start();
    const folder = sessions.users.folder("u");
    other.clear(sessions.folders.file(A));
    other.makeFolder(`/s/work/${A}`);
    other.makeFolder(`/s/work/${A}/other`);
    let tries = 0;
    disk.before = (_step, call, path) => void (taking(call, path) && tries++);
    await sessions.heal(folder, A);
    assert.deepEqual([tries, entries(disk).length], [1, 1]);
    assert.deepEqual(other.names("/s/work"), [A]);
    other.clear(`/s/work/${A}`);
    await sessions.heal(folder, A);
    assert.deepEqual(entries(disk), []);
  });
});

describe("file store, patience with a holder", () => {
  const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  it("a holder is taken for dead only if it is the same for long", async () => {
    const short = new LockTimeout(0.05);
    const long = new LockTimeout(600);
    for (const patience of [short, long]) {
      assert.equal(patience.isOver("one"), false);
      assert.equal(patience.isOver("one"), false);
    }
    await later(50);
    assert.equal(long.isOver("one"), false);
    assert.equal(short.isOver("two"), false, "another one");
    await later(50);
    assert.equal(short.isOver("two"), true);
    assert.equal(short.isOver("three"), false);
  });

  it("a pause is short, and refused when the time is over", async () => {
    await new LockTimeout(600).pause();
    const over = new LockTimeout(0.02);
    await over.pause();
    await later(30);
    await assert.rejects(over.pause(), { code: "ERR_STORE", message: /0\.02 s/ });
  });
});
