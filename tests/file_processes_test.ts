import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, describe, it } from "node:test";
import { FileStore } from "../backends/file.ts";
import { A, B, cleanUp, entries, FILE_CHILD, fresh, leavings, record } from "./file_support.ts";
import { own, start } from "./processes.ts";

after(cleanUp);

describe("file store, processes", () => {
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
    const child = start(FILE_CHILD, own, ["many", directory, "100"], { shell: "ulimit -n 32" });
    assert.equal(await child.ended, 0);
    assert.ok(["ok", "ERR_STORE", "ERR_STORE ok"].includes(child.lines[0]!), String(child.lines[0]));
    assert.equal(child.lines[1], "after");
    assert.deepEqual(leavings(directory), []);
    assert.equal(entries(directory), (await store.list("u")).length);
  });
});
