/** Every call of the disk made to fail, to be the last before a kill or a power failure, or to meet another process. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { writeAll } from "../../../backends/file/disk.ts";
import { openFolders } from "../../../backends/file/layout.ts";
import { encodeFile } from "../../../backends/file/format.ts";
import { FileSessions } from "../../../backends/file/records.ts";
import { Sweep } from "../../../backends/file/sweep.ts";
import { SessionError } from "../../../src/errors.ts";
import { A, B, ModelDisk, record } from "../../support/file/model_disk.ts";

async function openOn(disk: ModelDisk, patience = 4): Promise<FileSessions> {
  return new FileSessions(disk, await openFolders(disk, "/s"), patience, () => 1000);
}

/** A store with one session, `old`, of user `u`. */
async function start(
  patience?: number,
): Promise<{ disk: ModelDisk; sessions: FileSessions; version: string }> {
  const disk = new ModelDisk();
  const sessions = await openOn(disk, patience);
  const version = await sessions.create(A, record("old", "u"));
  assert.ok(version);
  disk.steps = 0;
  return { disk, sessions, version };
}

type Change = (sessions: FileSessions, version: string) => Promise<unknown>;
const changes: Record<string, Change> = {
  create: (sessions) => sessions.create(B, record("new", "u")),
  save: (sessions, version) => sessions.save(A, record("new", "w"), version),
  touch: (sessions, version) => sessions.touch(A, 2, 2e12, version),
  delete: (sessions) => sessions.delete(A),
  clearExpired: (sessions) => new Sweep(sessions).clearExpired(2e12, 10),
};

/** The data under both keys; a throw would be a torn file. */
function state(sessions: FileSessions): string {
  return [A, B].map((key) => {
    const found = sessions.load(key);
    return found ? `${found.data}@${found.expiresAt}` : "-";
  }).join(" ");
}

const before = "old@1000000000000 -";
const after: Record<string, string> = {
  create: "old@1000000000000 new@1000000000000",
  save: "new@1000000000000 -",
  touch: "old@2000000000000 -",
  delete: "- -",
  clearExpired: "- -",
};

async function countSteps(name: string): Promise<number> {
  const { disk, sessions, version } = await start();
  assert.ok(await changes[name]!(sessions, version), name);
  assert.equal(state(sessions), after[name]);
  return disk.steps;
}

/** Every step on a disk of its own, all at the same time: a lock that nobody frees is waited for. */
async function atEachStep(name: string, check: (step: number) => Promise<void>): Promise<void> {
  const total = await countSteps(name);
  await Promise.all(Array.from({ length: total }, (_, i) => check(i + 1)));
}

/** Leavings are cleared by whoever opens the folder after a while. */
async function leavesNothing(disk: ModelDisk): Promise<void> {
  const later = disk.view();
  later.isOld = true;
  await openOn(later);
  assert.deepEqual(disk.files().filter((path) => path.includes("/work/")), []);
}

async function indexIsWhole(sessions: FileSessions): Promise<void> {
  for (const key of [A, B]) {
    const userId = sessions.load(key)?.userId;
    if (userId === undefined) continue;
    const listed = await sessions.list(userId, undefined, 100);
    assert.ok(listed.entries.some((entry) => entry.key === key), "a session is missing in the index");
  }
}

/** mulberry32 */
function seeded(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}

describe("file store, each call of the disk", () => {
  for (const [name, change] of Object.entries(changes)) {
    it(`SR-051 F1 ${name}: killed before each call it is all or nothing`, async () => {
      await atEachStep(name, async (last) => {
        const { disk, sessions, version } = await start();
        const living = await openOn(disk.view());
        disk.before = (step) => {
          if (step >= last) throw Object.assign(new Error("killed"), { code: "KILLED" });
        };
        await change(sessions, version).catch(() => {});
        const possible = [before, after[name]];
        assert.ok(possible.includes(state(living)), `${name}, killed at ${last}: ${state(living)}`);
        await indexIsWhole(living);
        // Whoever was there already can go on, and a new start finds nothing left over.
        const current = living.load(A);
        if (current) assert.ok(await living.save(A, record("next", "u"), current.version));
        else assert.ok(await living.create(A, record("next", "u")));
        assert.equal(living.load(A)?.data, "next");
        await leavesNothing(disk.view());
      });
    });

    it(`SR-051 F2 ${name}: no power failure loses or brings back what was acknowledged`, async () => {
      const total = await countSteps(name);
      const random = seeded(51);
      for (let last = 1; last <= total + 1; last++) {
        for (let round = 0; round < 12; round++) {
          const { disk, sessions, version } = await start();
          disk.before = (step) => {
            if (step >= last) throw Object.assign(new Error("no power"), { code: "KILLED" });
          };
          const isDone = await change(sessions, version).then(() => true, () => false);
          const later = await openOn(disk.afterPowerLoss(random));
          const possible = isDone ? [after[name]] : [before, after[name]];
          assert.ok(possible.includes(state(later)), `${name}, no power at ${last}: ${state(later)}`);
          await indexIsWhole(later);
        }
      }
    });

    for (const code of ["ENOSPC", "EMFILE", "EIO", "EROFS", "EACCES", "EDQUOT"]) {
      it(`SR-054 F3 F4 F5 ${name}: ${code} at each call leaves the old record or the new, and no leavings`, async () => {
        await atEachStep(name, async (bad) => {
          const { disk, sessions, version } = await start();
          let call = "";
          disk.before = (step, words) => {
            if (step !== bad) return;
            call = words;
            throw Object.assign(new Error(code), { code });
          };
          const failed = await change(sessions, version).then(() => false, () => true);
          disk.before = () => {};
          const possible = [before, after[name]];
          assert.ok(
            possible.includes(state(sessions)),
            `${name}, ${code} at ${bad} ${call}: ${state(sessions)}`,
          );
          if (!failed) assert.equal(state(sessions), after[name]);
          const leavings = disk.files().filter((path) => path.includes("/work/"));
          if (!call.startsWith("remove")) {
            assert.deepEqual(leavings, [], `${name}, ${code} at ${bad} ${call}`);
          }
          await indexIsWhole(sessions);
          await leavesNothing(disk);
        });
      });
    }
  }

  it("SR-054 F6 a holder that was taken for dead and wakes at any call changes nothing", async () => {
    for (const name of ["save", "touch", "delete"]) {
      const total = await countSteps(name);
      for (let pause = 1; pause <= total; pause++) {
        const { disk, sessions, version } = await start();
        const other = disk.view();
        let mine = "";
        disk.before = (step) => {
          if (step !== pause) return;
          mine = state(new FileSessions(other, sessions.folders, 1, () => 1000));
          if (!mine.startsWith("old")) return;
          // Another process loses patience, breaks the lock, takes it, saves and frees it, all in this instant.
          const lock = `${sessions.folders.work}/${A}`;
          for (const item of other.names(lock)) other.clear(`${lock}/${item}`);
          other.clear(sessions.folders.file(A));
          other.mark(sessions.folders.file(A));
          void other.write(`/s/work/other${pause}`, encodeFile(A, record("other", "u"), `v${pause}`), 1e12);
          other.move(`/s/work/other${pause}`, sessions.folders.file(A));
        };
        const result = await changes[name]!(sessions, version);
        const there = sessions.load(A);
        if (!mine.startsWith("old")) continue; // it was done before
        if (name === "delete") assert.deepEqual([result, there], [true, undefined], `delete ${pause}`);
        else if (name === "touch") {
          assert.deepEqual(
            [result, there?.data, there?.version],
            [mine !== before, "other", `v${pause}`], // true: it was done before
            `touch ${pause}`,
          );
        } else {
          assert.deepEqual([result, there?.data], [undefined, "other"], `${name} ${pause}`);
          assert.equal(sessions.load(B), undefined);
        }
      }
    }
  });

  it("SR-054 a lock that is held for good is given up on in time, as ERR_STORE", async () => {
    const { disk, sessions, version } = await start(0.1);
    disk.before = (_step, call, path) => {
      // A new holder each time one looks, so none ever seems dead.
      if (call === "names" && path.endsWith(A)) {
        const other = disk.view();
        other.clear(`/s/work/${A}`);
        other.makeFolder(`/s/work/${A}`);
        other.makeFolder(`/s/work/${A}/${disk.steps}`);
      }
    };
    disk.view().makeFolder(`/s/work/${A}`);
    disk.view().makeFolder(`/s/work/${A}/first`);
    const started = performance.now();
    await assert.rejects(
      sessions.save(A, record("new"), version),
      (error) => error instanceof SessionError && error.code === "ERR_STORE" && error.retryable,
    );
    assert.ok(performance.now() - started < 2000);
    assert.deepEqual(disk.names("/s/work"), [A]);
  });

  it("F9 short writes and interrupted calls write everything once", () => {
    const random = seeded(9);
    const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);
    for (let round = 0; round < 100; round++) {
      const written: number[] = [];
      writeAll(0, bytes, (_fd, from, offset, length) => {
        const luck = random();
        if (luck < 0.1) throw Object.assign(new Error(), { code: luck < 0.05 ? "EINTR" : "EAGAIN" });
        const count = Math.min(length, Math.floor(random() * 900));
        written.push(...from.subarray(offset, offset + count));
        return count;
      });
      assert.deepEqual(Uint8Array.from(written), bytes);
    }
    const full = () =>
      writeAll(0, bytes, () => {
        throw Object.assign(new Error(), { code: "ENOSPC" });
      });
    assert.throws(full, { code: "ENOSPC" });
  });
});
