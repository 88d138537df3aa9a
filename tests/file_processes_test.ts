import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { after, describe, it } from "node:test";
import { FileStore } from "../backends/file.ts";
import { other, own, start } from "./file_processes.ts";
import { A, age, B, cleanUp, entries, fresh, leavings, nth, record, root, withCode } from "./file_support.ts";

after(cleanUp);

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
      age(directory, 11);
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
    const clears = [[11, () => FileStore.open(directory)], [-60, () => store.clearExpired(0, 1)]] as const;
    for (const [seconds, clear] of clears) { // below zero: the clock was set back since
      plant();
      age(directory, 4 * Math.sign(seconds));
      await clear();
      assert.ok(leavings(directory).length > 1000, "nobody is disturbed within ten seconds");
      age(directory, seconds);
      await clear();
      assert.deepEqual(leavings(directory), []);
    }
    assert.equal((await store.load(B))?.data, "live");
  });

  it("SR-054 many processes of both runtimes open one folder at once, again and again, and write to it", async () => {
    const directory = `${root}/opened`;
    const second = other() ?? own;
    const children = [own, second, own, second, own, second].map((runtime) =>
      start(runtime, ["reopen", directory, "10"])
    );
    for (const child of children) {
      assert.equal(await child.ended, 0);
      assert.deepEqual(child.lines, []);
    }
    assert.deepEqual([leavings(directory), entries(directory)], [[], 0]);
    assert.equal(fs.statSync(directory).mode & 0o7777, 0o700);
  });

  it("SR-054 F4 with 32 file descriptors 100 saves at once end well or typed", async () => {
    const [store, directory] = await fresh();
    const child = start(own, ["many", directory, "100"], "ulimit -n 64");
    assert.equal(await child.ended, 0);
    assert.ok(["ok", "ERR_STORE", "ERR_STORE ok"].includes(child.lines[0]!), String(child.lines[0]));
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
