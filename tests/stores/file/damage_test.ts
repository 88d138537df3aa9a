import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { after, describe, it } from "node:test";
import type { FileStore } from "../../../backends/file.ts";
import type { SessionErrorCode } from "../../../src/errors.ts";
import type { StoredRecord } from "../../../src/store.ts";
import { file, leavings } from "../../support/file/places.ts";
import { A, B, cleanUp, fresh, record, root, withCode } from "../../support/file/rig.ts";

after(cleanUp);

describe("file store, damage", () => {
  async function refused(store: FileStore, key: string, codes: SessionErrorCode[]): Promise<void> {
    const found: StoredRecord | undefined | SessionErrorCode = await store.load(key).catch((error) =>
      error.code
    );
    assert.ok(codes.includes(found as SessionErrorCode), `${JSON.stringify(found)}, expected ${codes}`);
  }

  it("SR-050 every flipped bit, every truncation and any addition is refused, and the bytes stay", async () => {
    const [store, directory] = await fresh({ durability: "os" });
    await store.create(A, record('{"n":1}', { userId: "u" }));
    const path = file(directory, A);
    const good = fs.readFileSync(path);
    const attempt = async (bytes: Uint8Array, codes: SessionErrorCode[] = ["ERR_DAMAGED"]) => {
      fs.writeFileSync(path, bytes);
      await refused(store, A, codes);
    };
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bytes = Buffer.from(good);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      // The digit of the format number can become a higher one.
      await attempt(bytes, bit >> 3 === 16 ? ["ERR_DAMAGED", "ERR_STORE"] : undefined);
      assert.deepEqual(fs.readFileSync(path), bytes);
    }
    for (let length = 0; length < good.length; length++) await attempt(good.subarray(0, length));
    await attempt(Buffer.concat([good, Buffer.from(" ")]));
    for (const bytes of [good.subarray(0, 90), Buffer.alloc(4096), Buffer.alloc(100, "sojourn")]) {
      await attempt(bytes);
      await assert.rejects(store.create(A, record("x")), withCode("ERR_DAMAGED"));
      await assert.rejects(store.save(A, record("x"), "v"), withCode("ERR_DAMAGED"));
      await assert.rejects(store.touch(A, 1, 1, "v"), withCode("ERR_DAMAGED"));
      assert.deepEqual(fs.readFileSync(path), Buffer.from(bytes));
      assert.deepEqual(await store.list("u"), { entries: [] });
    }
    assert.equal(await store.delete(A), true);
    assert.deepEqual(leavings(directory), []);
  });

  it("SR-050 swapped files are refused, a newer format is ERR_STORE and left alone", async () => {
    const [store, directory] = await fresh({ durability: "os" });
    await store.create(A, record("a"));
    await store.create(B, record("b"));
    const [a, b] = [file(directory, A), file(directory, B)];
    fs.renameSync(a, `${a}x`);
    fs.renameSync(b, a);
    fs.renameSync(`${a}x`, b);
    await refused(store, A, ["ERR_DAMAGED"]);
    await refused(store, B, ["ERR_DAMAGED"]);
    const newer = fs.readFileSync(b, "latin1").replace("session 2 ", "session 3 ");
    fs.writeFileSync(b, newer);
    fs.utimesSync(b, 1, 1);
    for (
      const use of [() => store.load(B), () => store.create(B, record("x")), () => store.touch(B, 1, 1, "v")]
    ) {
      await assert.rejects(async () => await use(), withCode("ERR_STORE"));
    }
    assert.equal(await store.clearExpired(1e9, 9), 0);
    assert.equal(fs.readFileSync(b, "latin1"), newer);
    assert.deepEqual([await store.delete(B), await store.delete(B)], [true, false]);
    assert.equal(await store.load(B), undefined);
  });

  it("SR-050 a damaged file stays until its time is over", async () => {
    const [store, directory] = await fresh({ durability: "os" });
    await store.create(A, record("a", { expiresAt: 50_000 }));
    fs.writeFileSync(file(directory, A), "?");
    fs.utimesSync(file(directory, A), 50, 50);
    assert.deepEqual([await store.clearExpired(49_999, 9), await store.clearExpired(50_000, 9)], [0, 1]);
    assert.equal(await store.load(A), undefined);
  });

  const plants: Record<string, (path: string, target: string) => void> = {
    "a symbolic link": (path, target) => fs.symlinkSync(target, path),
    "a link to nowhere": (path) => fs.symlinkSync("/nowhere/at/all", path),
    "a hard link": (path, target) => fs.linkSync(target, path),
    "a fifo": (path) => execFileSync("mkfifo", [path]),
    "a folder": (path) => fs.mkdirSync(path),
    "a socket's device": (path) => execFileSync("mknod", [path, "c", "1", "5"], { stdio: "ignore" }),
  };
  for (const [name, plant] of Object.entries(plants)) {
    it(`SR-053 F7 ${name} under a record's name is a damaged record, not followed, and goes with a delete`, async (t) => {
      const [store, directory] = await fresh({ durability: "os" });
      // The target is a true file of the same session, so only the way to it is wrong.
      const version = await store.create(A, record("target", { expiresAt: 1000 }));
      const target = `${root}/target-${name.replaceAll(/\W/g, "-")}`;
      fs.renameSync(file(directory, A), target);
      const bytes = fs.readFileSync(target);
      try {
        plant(file(directory, A), target);
      } catch (error) {
        if (!name.includes("device")) throw error;
        return t.skip("not on this machine: making device nodes needs root");
      }
      const uses: (() => Promise<unknown>)[] = [
        () => store.load(A),
        () => store.create(A, record("x")),
        () => store.save(A, record("x"), version!),
        () => store.touch(A, 1, 1, "v"),
      ];
      for (const use of uses) {
        const started = performance.now();
        await assert.rejects(use(), withCode("ERR_DAMAGED"));
        assert.ok(performance.now() - started < 100);
      }
      assert.equal(await store.clearExpired(1e13, 9), 0);
      assert.deepEqual(fs.readFileSync(target), bytes);
      assert.ok(fs.lstatSync(file(directory, A)));
      if (name === "a folder") fs.writeFileSync(`${file(directory, A)}/inside`, "");
      assert.deepEqual([await store.delete(A), await store.delete(A)], [true, false]);
      assert.equal(await store.load(A), undefined);
      assert.deepEqual(fs.readFileSync(target), bytes);
      assert.deepEqual(leavings(directory), []);
    });
  }
});
