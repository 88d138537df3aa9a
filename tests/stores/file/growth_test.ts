/** What the file store asks of the disk, counted: no more with thousands of sessions than with a few. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { before, describe, it } from "node:test";
import { openFolders } from "../../../backends/file/layout.ts";
import { summaryBytes } from "../../../backends/file/format.ts";
import { FileSessions } from "../../../backends/file/records.ts";
import { Sweep } from "../../../backends/file/sweep.ts";
import { ModelDisk } from "../../support/file/model_disk.ts";

const A = "aaa".padEnd(64, "0");
const B = "bbb".padEnd(64, "0");
const record = (userId: string, expiresAt = 1e12) => ({
  data: "{}",
  userId,
  createdAt: 1,
  touchedAt: 1,
  expiresAt,
});

/** A disk with so many sessions of as many users, half of which end early. */
async function diskOf(count: number): Promise<ModelDisk> {
  const disk = new ModelDisk();
  const sessions = new FileSessions(disk, await openFolders(disk, "/s"), 1, () => 1000);
  for (let i = 0; i < count; i++) {
    const key = createHash("sha256").update(String(i)).digest("hex");
    await sessions.create(key, record(`user ${i}`, i % 2 ? 1e12 : 5000));
  }
  return disk;
}

describe("file store, what it asks of the disk", () => {
  const disks: ModelDisk[] = [];
  before(async () => {
    for (const count of [300, 6000]) disks.push(await diskOf(count));
  });

  it("SR-062 opening, and every operation on a session, takes the same few steps with 20 times as many", async () => {
    const counts: Record<string, number>[] = [];
    for (const disk of disks) {
      const count: Record<string, number> = {};
      const measure = async <T>(name: string, act: () => T | Promise<T>): Promise<T> => {
        const before = disk.steps;
        const answer = await act();
        count[name] = disk.steps - before;
        return answer;
      };
      // The folders for these keys and this user are there, whoever made them
      const first = new FileSessions(disk, await openFolders(disk, "/s"), 1, () => 1000);
      for (const key of [A, B]) assert.ok(await first.create(key, record("me")) && await first.delete(key));
      const folders = await measure("open", () => openFolders(disk, "/s"));
      const sessions = new FileSessions(disk, folders, 1, () => 1000);
      let version = (await measure("create", () => sessions.create(A, record("me"))))!;
      await measure("load", () => sessions.load(A));
      version = (await measure("save", () => sessions.save(A, record("me"), version)))!;
      await measure("touch", () => sessions.touch(A, 2, 2e12, version));
      assert.equal((await measure("list", () => sessions.list("me", undefined, 100))).entries.length, 1);
      await measure("delete", () => sessions.delete(A));
      counts.push(count);
    }
    assert.deepEqual(counts[1], counts[0]);
    for (const [name, steps] of Object.entries(counts[1]!)) assert.ok(steps <= 80, `${name}: ${steps} steps`);
  });

  it("SR-040 a list reads only the first bytes of each file, however large the data, and no more files than its page", async () => {
    const disk = new ModelDisk();
    const asked: (number | undefined)[] = [];
    const read = disk.read.bind(disk);
    disk.read = (path, most) => (asked.push(most), read(path, most));
    const sessions = new FileSessions(disk, await openFolders(disk, "/s"), 1, () => 1000);
    const keys = Array.from({ length: 12 }, (_, i) => i.toString(16).padStart(64, "0"));
    for (const [i, key] of keys.entries()) {
      assert.ok(await sessions.create(key, { ...record("me"), head: "1 x", data: "x".repeat(i * 20_000) }));
    }
    asked.length = 0;
    const { entries, next } = await sessions.list("me", undefined, 10);
    assert.deepEqual(asked, Array(10).fill(summaryBytes));
    const { data: _, ...shown } = record("me");
    assert.deepEqual(entries, keys.slice(0, 10).map((key) => ({ key, record: { ...shown, head: "1 x" } })));
    assert.deepEqual((await sessions.list("me", next, 10)).entries.map(({ key }) => key), keys.slice(10));
    // A user id may be so long that more is needed
    const long = "ü".repeat(summaryBytes);
    await sessions.create(A, record(long));
    asked.length = 0;
    assert.equal((await sessions.list(long, undefined, 10)).entries[0]?.record.userId, long);
    assert.deepEqual(asked, [summaryBytes, undefined]);
  });

  it("SR-062 clearing a few takes a bounded number of steps, goes on where it stopped, and heals in small parts", async () => {
    for (const [n, disk] of disks.entries()) {
      const sessions = new FileSessions(disk, await openFolders(disk, "/s"), 1, () => 1000);
      const sweep = new Sweep(sessions);
      const seen = new Map<string, number>();
      let users = 0;
      disk.before = (_, call, path) => {
        if (call !== "names") return;
        if (path.startsWith("/s/users/")) users++;
        else seen.set(path, (seen.get(path) ?? 0) + 1);
      };
      for (let round = 0; round < 10; round++) {
        users = 0;
        const start = disk.steps;
        assert.equal(await sweep.clearExpired(5000, 5), 5);
        // 5 removals, the folders on the way to them, and 1 in 256 of the users, but 64 at most
        assert.ok(disk.steps - start <= 1000, `${disk.steps - start} steps in round ${round} on disk ${n}`);
        assert.ok(users <= 65 + 5, `${users} folders of users`);
      }
      const shards = [...seen].filter(([path]) => path.split("/").length === 5);
      assert.ok(shards.length <= 200 && shards.every(([, times]) => times <= 10), `${shards.length} shards`);
      disk.before = () => {};
    }
  });

  it("SR-062 the index heals completely in the end, however many users share a part of it", async () => {
    const disk = new ModelDisk();
    const sessions = new FileSessions(disk, await openFolders(disk, "/s"), 1, () => 1000);
    const lost = "c".repeat(64);
    await sessions.folders.prepare("/s/users/07");
    for (let i = 0; i < 200; i++) {
      const user = `/s/users/07/07${String(i).padStart(62, "0")}`;
      disk.makeFolder(user);
      disk.mark(`${user}/${lost}`);
    }
    const sweep = new Sweep(sessions);
    for (let calls = 0; calls < 256 + 3; calls++) await sweep.clearExpired(0, 1);
    assert.deepEqual(disk.names("/s/users/07"), []);
  });
});
