/** The lock of one session, where others hold it, break it or take away what is staged. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hold, type Lock, LockLost, LockTimeout } from "../../../backends/file/lock.ts";
import { openFolders } from "../../../backends/file/layout.ts";
import { encodeFile } from "../../../backends/file/format.ts";
import { FileSessions } from "../../../backends/file/records.ts";
import { A, B, ModelDisk, record } from "../../support/file/model_disk.ts";

const taking = (call: string, path: string) => call === "move" && /^\/s\/work\/[^/]+$/.test(path);
const putting = (call: string, path: string) => call === "move" && path.startsWith(`/s/work/${A}/`);

/** A store with one session, `A`. */
async function start(patience: number) {
  const disk = new ModelDisk();
  const sessions = new FileSessions(disk, await openFolders(disk, "/s"), patience, () => 1000);
  const version = await sessions.create(A, record("old"));
  assert.ok(version);
  return { disk, other: disk.view(), sessions, version };
}

function lock(disk: ModelDisk, key: string, holder: string): void {
  disk.makeFolder(`/s/work/${key}`);
  disk.makeFolder(`/s/work/${key}/${holder}`);
}

/** The same with a lock on it, which is to be waited for with pauses. */
async function startLocked() {
  const { disk, other, sessions, version } = await start(60);
  lock(other, A, "alive");
  let tries = 0;
  disk.before = (_step, call, path) => {
    if (taking(call, path) && ++tries > 1000) throw new Error("no pause");
  };
  return { disk, other, sessions, version };
}

describe("file store, claims", () => {
  it("SR-054 what is staged and then taken away is staged again", async () => {
    for (const isIt of [(call: string) => call === "create", taking]) {
      const { disk, other, sessions, version } = await start(4);
      let count = 0;
      disk.before = (_step, call, path) => {
        if (!isIt(call, path) || count++ > 0) return;
        for (const name of other.names("/s/work")) other.clear(`/s/work/${name}`);
      };
      assert.ok(await sessions.save(A, record("new"), version));
      assert.ok(count > 1);
      assert.equal(sessions.load(A)?.data, "new");
      assert.deepEqual(other.names("/s/work"), []);
    }
  });

  it("SR-054 trouble with the disk is said at once, not taken for a lost lock", async () => {
    for (const isIt of [(call: string) => call === "create", taking, putting]) {
      const { disk, other, sessions, version } = await start(0.2);
      let count = 0;
      disk.before = (_step, call, path) => {
        if (!isIt(call, path)) return;
        count++;
        throw Object.assign(new Error("no disk"), { code: "EIO" });
      };
      await assert.rejects(sessions.save(A, record("new"), version), { code: "EIO" });
      assert.equal(count, 1);
      assert.equal(sessions.load(A)?.data, "old");
      assert.deepEqual(other.names("/s/work"), []);
    }
  });

  it("SR-054 the lock of a dead holder is broken", async () => {
    const { other, sessions, version } = await start(1);
    lock(other, A, "dead");
    assert.ok(await sessions.save(A, record("new"), version));
    assert.equal(sessions.load(A)?.data, "new");
    assert.deepEqual(other.names("/s/work"), []);
  });

  it("SR-054 who waits for a lock leaves the holder alone and lets others have their turn", async () => {
    const { other, sessions, version } = await startLocked();
    let isFreed = false;
    setTimeout(() => {
      assert.deepEqual(other.names(`/s/work/${A}`), ["alive"]);
      isFreed = true;
      other.clear(`/s/work/${A}`);
    }, 30);
    assert.ok(await sessions.save(A, record("new"), version));
    assert.ok(isFreed);
  });

  it("SR-054 nobody waits for one lock while holding another", async () => {
    const { disk, other, sessions } = await startLocked();
    const wants = [
      { key: B, file: { bytes: encodeFile(B, record("new"), "v2"), time: 1e12 } },
      { key: A },
    ];
    const act = (put: Lock, removed: Lock) => {
      put.put(sessions.folders.file(B));
      removed.remove(sessions.folders.file(A));
    };
    await sessions.folders.prepare(sessions.folders.shard(B));
    await assert.rejects(hold(disk, "/s/work", wants, new LockTimeout(60), act), LockLost);
    assert.deepEqual([sessions.load(A)?.data, sessions.load(B)], ["old", undefined]);
    const seen: string[][] = [];
    const looking = setInterval(() => seen.push(other.names("/s/work")), 1);
    setTimeout(() => other.clear(`/s/work/${A}`), 60);
    try {
      await hold(disk, "/s/work", wants.toReversed(), new LockTimeout(60), (one, two) => act(two, one));
    } finally {
      clearInterval(looking);
    }
    const waiting = seen.filter((names) => names.includes(A));
    assert.ok(waiting.length > 0);
    // What is staged has a name of its own, which is no key
    for (const names of waiting) assert.deepEqual(names.filter((name) => name.length === 64), [A]);
    assert.deepEqual([sessions.load(A), sessions.load(B)?.data], [undefined, "new"]);
  });
});
