/** Clearing and counting in the file store, call by call. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clearImmediate, setImmediate } from "node:timers";
import { openFolders } from "../../../backends/file/layout.ts";
import { encodeFile } from "../../../backends/file/format.ts";
import { FileSessions } from "../../../backends/file/records.ts";
import { Sweep } from "../../../backends/file/sweep.ts";
import { StatsCounter } from "../../../backends/support/stats_counter.ts";
import { ModelDisk, record } from "../../support/file/model_disk.ts";

const startTime = 5000;
/** A key that begins so. */
const keyOf = (start: string) => start.padEnd(64, "0");
const ending = (expiresAt: number, userId?: string) => ({ ...record("{}", userId), expiresAt });

async function start() {
  const disk = new ModelDisk();
  const sessions = new FileSessions(disk, await openFolders(disk, "/s"), 1, () => 1000);
  const calls: string[] = [];
  const watch = () => {
    calls.length = 0;
    disk.before = (_, call, path) => void calls.push(`${call} ${path}`);
  };
  /** The folders whose names were asked for since, below this one. */
  const seen = (folder: string) =>
    calls.filter((words) => words.startsWith(`names /s/${folder}/`)).map((words) => words.slice(-4));
  const keys = () =>
    disk.files().filter((path) => path.startsWith("/s/sessions/")).map((path) => path.slice(17));
  return { disk, sessions, sweep: new Sweep(sessions), calls, watch, seen, keys };
}

/** How many turns of the event loop there are meanwhile. */
async function turnsOf(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  const next = () => {
    turns++;
    timer = setImmediate(next);
  };
  let timer = setImmediate(next);
  await work();
  clearImmediate(timer);
  return turns;
}

describe("file store, clearing", () => {
  it("SR-039 removes what ended at that time or before, and nothing else", async () => {
    const { disk, sessions, sweep, keys } = await start();
    const [a, b, c, d, e, f] = ["aaa0", "aaa1", "aaa2", "aaa3", "aaa4", "aaa5"].map(keyOf);
    await sessions.create(a!, ending(startTime));
    await sessions.create(b!, ending(startTime + 1));
    await sessions.create(c!, ending(startTime - 1));
    const place = (name: string) => `/s/sessions/aa/a/${name}`;
    // Its file's time is over, its own is not
    await disk.write(place(d!), encodeFile(d!, ending(startTime + 1), "v"), startTime);
    await disk.write(place(e!), new Uint8Array(9), startTime);
    await disk.write(place(f!), new TextEncoder().encode(`sojourn-session 3 ${"x".repeat(43)}\n`), 0);
    await disk.write(place(`${a}.old`), new Uint8Array(), 0);
    assert.equal(await sweep.clearExpired(startTime, 10), 3);
    assert.deepEqual(keys(), [b!, d!, f!, `${a}.old`]);
    assert.equal(await sweep.clearExpired(startTime, 10), 0);
    assert.deepEqual(disk.names("/s/work"), []);
  });

  it("leaves a folder in the place of a session alone", async () => {
    const { disk, sessions, sweep, calls, watch } = await start();
    await sessions.create(keyOf("aaa"), ending(startTime + 1));
    const path = `/s/sessions/aa/a/${keyOf("aaa1")}`;
    disk.makeFolder(path);
    disk.isOld = true;
    watch();
    assert.equal(await sweep.clearExpired(startTime, 10), 0);
    assert.deepEqual(calls.filter((words) => words.endsWith(path)), [`facts ${path}`]);
  });

  it("SR-051 syncs a folder once for all that went, then takes them out of the index, each in its turn", async () => {
    const { disk, sessions, sweep, calls, watch } = await start();
    await sessions.create(keyOf("aaa0"), ending(startTime, "u"));
    await sessions.create(keyOf("aaa1"), ending(startTime, "u"));
    await sessions.create(keyOf("aab0"), ending(startTime + 1, "u"));
    watch();
    assert.equal(await sweep.clearExpired(startTime, 10), 2);
    const folder = sessions.users.folder("u");
    const said = calls.filter((words) =>
      /^(sync|names) .s.sessions.aa.|^move .s.(sessions|users).*0$/.test(words)
    );
    assert.deepEqual(said, [
      "names /s/sessions/aa/a",
      `move /s/sessions/aa/a/${keyOf("aaa0")}`,
      `move /s/sessions/aa/a/${keyOf("aaa1")}`,
      "sync /s/sessions/aa/a",
      `move ${folder}/${keyOf("aaa0")}`,
      `move ${folder}/${keyOf("aaa1")}`,
      "names /s/sessions/aa/b",
    ]);
    assert.deepEqual(disk.names(folder), [keyOf("aab0")]);
  });

  it("SR-051 keeps in the index what went from a folder that cannot be synced", async () => {
    const { disk, sessions, sweep } = await start();
    await sessions.create(keyOf("aaa"), ending(startTime, "u"));
    disk.before = (_, call, path) => {
      if (call === "sync" && path === "/s/sessions/aa/a") {
        throw Object.assign(new Error("no disk"), { code: "EIO" });
      }
    };
    await assert.rejects(sweep.clearExpired(startTime, 10), { code: "EIO" });
    assert.deepEqual(sessions.users.keys("u"), [keyOf("aaa")]);
  });

  it("has one thing at work at a time, be it an end or an entry", async () => {
    const { disk, sessions, sweep } = await start();
    for (const n of [0, 1, 2]) await sessions.create(keyOf(`aaa${n}`), ending(startTime, "u"));
    await sessions.folders.prepare("/s/users/00");
    const folder = `/s/users/00/00${"0".repeat(62)}`;
    disk.makeFolder(folder);
    for (const n of [0, 1, 2]) disk.mark(`${folder}/${keyOf(`bbb${n}`)}`);
    let most = 0;
    disk.before = () => void (most = Math.max(most, disk.view().names("/s/work").length));
    assert.equal(await sweep.clearExpired(startTime, 10), 3);
    assert.equal(most, 1);
    assert.deepEqual(disk.files(), []);
  });

  it("SR-039 removes as many as told, and then looks no further", async () => {
    const { sessions, sweep, watch, seen, keys } = await start();
    const all = ["aaa0", "aaa1", "aaa2", "aab0", "aac0"].map(keyOf);
    for (const key of all) await sessions.create(key, ending(startTime));
    const rounds: [limit: number, removed: number, folders: string[]][] = [
      [0, 0, []],
      [2, 2, ["aa/a"]],
      [1, 1, ["aa/a"]],
      [2, 2, ["aa/a", "aa/b", "aa/c"]],
      [2, 0, ["aa/c", "aa/a", "aa/b"]],
    ];
    let left = 5;
    for (const [limit, removed, folders] of rounds) {
      watch();
      assert.equal(await sweep.clearExpired(startTime, limit), removed);
      assert.deepEqual(seen("sessions").filter((path) => path.includes("/") && path[0] === "a"), folders);
      assert.equal(keys().length, left -= removed);
    }
  });

  it("goes once around, from the folder after the last one", async () => {
    const shards = ["0a/0", "0a/1", "0b/0", "0c/0", "ff/0", "ff/f"];
    const keys = shards.map((shard) => keyOf(shard.replace("/", "")));
    for (const [index, shard] of shards.entries()) {
      const { sessions, sweep, watch, seen } = await start();
      for (const [at, key] of keys.entries()) {
        await sessions.create(key, ending(at === index + 1 ? startTime : startTime + 1));
      }
      // Removes the next one and stops there, so that this one is the last that is done
      assert.equal(await sweep.clearExpired(startTime, 1), index + 1 < shards.length ? 1 : 0);
      watch();
      assert.equal(await sweep.clearExpired(startTime, 1), 0);
      const uppers = [...new Set(shards.map((shard) => shard.slice(0, 2)))];
      const upper = uppers.indexOf(shard.slice(0, 2));
      const all = seen("sessions");
      assert.deepEqual(all.filter((path) => /^../.test(path) && !path.startsWith("s/")), [
        ...shards.slice(index + 1),
        ...shards.slice(0, index + 1),
      ]);
      assert.deepEqual(all.filter((path) => path.startsWith("s/")).map((path) => path.slice(2)), [
        ...uppers.slice(upper),
        ...uppers.slice(0, upper + 1),
      ]);
    }
  });

  it("SR-048 leaves others their turn at each folder, counting too", async () => {
    const { sessions, sweep } = await start();
    for (let i = 0; i < 6; i++) await sessions.create(keyOf(`a${i}`), ending(startTime + 1));
    assert.ok(await turnsOf(() => sweep.clearExpired(startTime, 1)) >= 5);
    assert.ok(await turnsOf(() => sweep.count(new StatsCounter(startTime, []))) >= 5);
  });

  it("SR-054 trouble with the disk is said, and a lock that is held is not", async () => {
    const { disk, sessions, sweep } = await start();
    const key = keyOf("aaa");
    await sessions.create(key, ending(startTime));
    disk.before = (_, call) => {
      if (call === "read") throw Object.assign(new Error("no disk"), { code: "EIO" });
    };
    await assert.rejects(sweep.clearExpired(startTime, 1), { code: "EIO" });
    disk.before = () => {};
    const impatient = new Sweep(new FileSessions(disk, sessions.folders, 0, () => 1000));
    disk.makeFolder(`/s/work/${key}`);
    disk.makeFolder(`/s/work/${key}/other`);
    assert.equal(await impatient.clearExpired(startTime, 1), 0);
  });

  it("SR-054 clears what killed processes left at work", async () => {
    const { disk, sweep } = await start();
    disk.makeFolder("/s/work/left");
    await sweep.clearExpired(startTime, 1);
    assert.deepEqual(disk.names("/s/work"), ["left"]);
    disk.isOld = true;
    await sweep.clearExpired(startTime, 1);
    assert.deepEqual(disk.names("/s/work"), []);
  });
});

describe("file store, healing the index", () => {
  it("SR-062 looks into one part of 256 at each call, in their order", async () => {
    const { sweep, calls, watch } = await start();
    watch();
    for (let call = 0; call < 258; call++) await sweep.clearExpired(0, 1);
    const parts = Array.from({ length: 258 }, (_, i) => (i % 256).toString(16).padStart(2, "0"));
    assert.deepEqual(
      calls.filter((words) => words.startsWith("names /s/users/")).map((words) => words.slice(15)),
      parts,
    );
  });

  it("SR-062 looks into 64 users at each call, and goes on with the next one", async () => {
    for (const count of [64, 65, 130]) {
      const { disk, sessions, sweep, calls, watch } = await start();
      await sessions.folders.prepare("/s/users/00");
      const names = Array.from({ length: count }, (_, i) => `00${String(i).padStart(62, "0")}`);
      for (const name of names.toReversed()) {
        disk.makeFolder(`/s/users/00/${name}`);
        disk.mark(`/s/users/00/${name}/other`); // so that none of them goes
      }
      for (let from = 0; from < count; from += 64) {
        watch();
        await sweep.clearExpired(0, 1);
        const seen = calls.filter((words) => words.startsWith("names /s/users/00/"));
        assert.deepEqual(seen.map((words) => words.slice(18)), names.slice(from, from + 64));
      }
      watch();
      await sweep.clearExpired(0, 1);
      assert.ok(calls.includes("names /s/users/01"));
    }
  });

  it("SR-054 removes entries without a session, and folders without an entry", async () => {
    const { disk, sessions, sweep, calls, watch } = await start();
    // A user in the first part
    const user = Array.from({ length: 2000 }, (_, i) => `${i}`).find((id) =>
      sessions.users.folder(id).startsWith("/s/users/00/")
    )!;
    const [key, lost] = [keyOf("aaa"), keyOf("bbb")];
    await sessions.create(key, ending(startTime + 1, user));
    const folder = sessions.users.folder(user);
    const empty = `/s/users/00/00${"f".repeat(62)}`;
    const healed = `/s/users/00/00${"0".repeat(62)}`;
    for (const path of [empty, healed]) disk.makeFolder(path);
    for (const path of [`${folder}/${lost}`, `${healed}/${lost}`]) disk.mark(path);
    await sweep.clearExpired(startTime, 0);
    assert.deepEqual(disk.names(folder), [key]);
    assert.deepEqual(disk.names("/s/users/00"), [folder.slice(12)]);
    const again = new Sweep(sessions);
    watch();
    await again.clearExpired(startTime, 0);
    assert.deepEqual(calls, [
      "names /s/work",
      "names /s/users/00",
      `names ${folder}`,
      `facts ${sessions.folders.file(key)}`,
      "names /s/sessions",
      "names /s/sessions/aa",
    ]);
  });

  it("SR-062 is done when the call is, and clearing comes after it", async () => {
    const { disk, sessions, sweep, calls, watch } = await start();
    await sessions.folders.prepare("/s/users/00");
    const folder = `/s/users/00/00${"0".repeat(62)}`;
    disk.makeFolder(folder);
    disk.mark(`${folder}/${keyOf("bbb")}`);
    watch();
    await sweep.clearExpired(startTime, 1);
    assert.deepEqual(disk.names("/s/users/00"), []);
    assert.ok(calls.indexOf("names /s/sessions") > calls.indexOf(`removeFolder ${folder}`));
  });

  it("SR-048 leaves others their turn when it takes long", async () => {
    const { disk, sessions, sweep } = await start();
    await sessions.folders.prepare("/s/users/00");
    for (let i = 0; i < 5; i++) {
      const folder = `/s/users/00/00${String(i).padStart(62, "0")}`;
      disk.makeFolder(folder);
      disk.mark(`${folder}/other`);
    }
    const { now } = performance;
    let time = 0;
    performance.now = () => time += 6;
    try {
      assert.ok(await turnsOf(() => sweep.clearExpired(startTime, 1)) >= 2);
    } finally {
      performance.now = now;
    }
  });
});

describe("file store, counting", () => {
  it("counts records and damage, not what is gone or no record's file", async () => {
    const { disk, sessions, sweep } = await start();
    const keys = ["aaa0", "aaa1", "aab0", "aac0"].map(keyOf);
    await sessions.create(keys[0]!, { ...ending(startTime), data: "é" });
    await sessions.create(keys[1]!, { ...ending(startTime + 1), data: "abc" });
    await sessions.create(keys[2]!, ending(startTime + 1));
    await sessions.create(keys[3]!, ending(startTime + 1));
    await disk.write(`/s/sessions/aa/a/${keyOf("aaa9")}`, new Uint8Array(3), 0);
    await disk.write(`/s/sessions/aa/a/${keys[0]}.old`, new Uint8Array(3), 0);
    disk.before = (_, call, path) => {
      if (call === "read" && path.endsWith(keys[2]!)) disk.view().remove(path);
    };
    const tally = new StatsCounter(startTime, []);
    await sweep.count(tally);
    const { live, expired, damaged, bytes } = tally.stats;
    assert.deepEqual({ live, expired, damaged, bytes }, { live: 2, expired: 1, damaged: 1, bytes: 7 });
    disk.before = (_, call) => {
      if (call === "read") throw Object.assign(new Error("no disk"), { code: "EIO" });
    };
    await assert.rejects(sweep.count(new StatsCounter(startTime, [])), { code: "EIO" });
  });

  it("counts all, wherever clearing stopped", async () => {
    const { sessions, sweep } = await start();
    for (const start of ["aaa", "aab", "bbb"]) await sessions.create(keyOf(start), ending(startTime + 1));
    await sweep.clearExpired(startTime, 1);
    const tally = new StatsCounter(startTime, []);
    await sweep.count(tally);
    assert.equal(tally.stats.live, 3);
  });
});
