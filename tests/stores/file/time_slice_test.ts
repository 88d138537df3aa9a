/** Work on files never waits by itself, so it has to leave the event loop to others. */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { dirname } from "node:path";
import { after, describe, it } from "node:test";
import type { FileStore } from "../../../backends/file.ts";
import { encodeFile } from "../../../backends/file/format.ts";
import { file, walk } from "../../support/file/places.ts";
import { A, B, cleanUp, fresh, nth, record } from "../../support/file/rig.ts";

after(cleanUp);

const loops: Record<string, (store: FileStore, version: string) => Promise<unknown>> = {
  save: (store, version) => store.save(A, record("1"), version),
  load: (store) => store.load(A),
  touch: (store, version) => store.touch(A, 1, 4e12, version),
  "refused create": (store) => store.create(A, record("1")),
  "delete of nothing": (store) => store.delete(B),
};

for (const durability of ["os", "sync"] as const) {
  describe(`file store, durability "${durability}"`, () => {
    for (const [name, step] of Object.entries(loops)) {
      it(`SR-048 a tight loop of one ${name} after the other starves no timer`, async () => {
        const [store] = await fresh({ durability });
        let version = (await store.create(A, record("0")))!;
        let fired = 0;
        const timer = setInterval(() => fired++, 1);
        try {
          for (const end = performance.now() + 300; performance.now() < end;) {
            const answer = await step(store, version);
            if (name === "save") version = answer as string;
          }
        } finally {
          clearInterval(timer);
        }
        assert.ok(fired >= 3, `a timer of 1 ms fired ${fired} times in 300 ms`);
      });
    }
  });
}

describe("file store, long answers", () => {
  it("SR-048 a list of thousands of sessions starves no timer", async () => {
    const [store, directory] = await fresh({ durability: "os" });
    await store.create(A, record("x", { userId: "u" }));
    const user = walk(`${directory}/users`).find(({ path }) => path.endsWith(A))!.path.slice(0, -65);
    for (let i = 0; i < 1500; i++) {
      fs.mkdirSync(dirname(file(directory, nth(i))), { recursive: true });
      fs.writeFileSync(
        file(directory, nth(i)),
        encodeFile(nth(i), record("x".repeat(5000), { userId: "u" }), "v"),
      );
      fs.writeFileSync(`${user}/${nth(i)}`, "");
    }
    let fired = 0;
    const timer = setInterval(() => fired++, 1);
    const started = performance.now();
    try {
      assert.equal((await store.list("u", { limit: 2000 })).entries.length, 1501);
    } finally {
      clearInterval(timer);
    }
    const expected = Math.floor((performance.now() - started) / 50);
    assert.ok(fired >= expected, `fired ${fired} times where ${expected} was expected`);
  });
});
