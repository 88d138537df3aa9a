/** The lock of one session, where others hold it, break it or take away what is staged. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openFolders } from "../backends/file/folders.ts";
import { FileSessions } from "../backends/file/sessions.ts";
import { A, B, ModelDisk, record } from "./file_model_disk.ts";

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
  return { other, sessions, version };
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
    const { other, sessions, version } = await startLocked();
    const seen: string[][] = [];
    const looking = setInterval(() => seen.push(other.names("/s/work")), 1);
    setTimeout(() => other.clear(`/s/work/${A}`), 60);
    try {
      assert.ok(await sessions.rotate(A, B, record("new"), version));
    } finally {
      clearInterval(looking);
    }
    const waiting = seen.filter((names) => names.includes(A));
    assert.ok(waiting.length > 0);
    for (const names of waiting) assert.deepEqual(names, [A]);
    assert.deepEqual([sessions.load(A), sessions.load(B)?.data], [undefined, "new"]);
  });
});
