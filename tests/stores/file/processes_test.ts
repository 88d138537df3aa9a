import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, describe, it } from "node:test";
import { FileStore } from "../../../backends/file.ts";
import { age, entries, leavings } from "../../support/file/places.ts";
import { A, B, cleanUp, fileChild, fresh, record, root } from "../../support/file/rig.ts";
import { other, own, start } from "../../support/processes.ts";

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
      start(fileChild, runtime, ["reopen", directory, "10"])
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
    // Deno reads further certificates while it starts, with descriptors that it does not have here.
    const shell = "unset NODE_EXTRA_CA_CERTS; ulimit -n 64";
    const child = start(fileChild, own, ["many", directory, "100"], { shell });
    assert.equal(await child.ended, 0);
    assert.ok(["ok", "ERR_STORE", "ERR_STORE ok"].includes(child.lines[0]!), String(child.lines[0]));
    assert.equal(child.lines[1], "after");
    assert.deepEqual(leavings(directory), []);
    assert.equal(entries(directory), (await store.list("u", { limit: 200 })).entries.length);
  });
});
