/** The calls of the real disk, at their edges. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { after, describe, it } from "node:test";
import { failedWith, maxFileBytes, nodeDisk, writeAll } from "../../../backends/file/disk.ts";

const root = fs.mkdtempSync(`${tmpdir()}/file-disk-`);
after(() => fs.rmSync(root, { recursive: true, force: true }));
const disk = nodeDisk(true);
const quick = nodeDisk(false);
const bytes = new TextEncoder().encode("content");
const mode = (path: string) => fs.lstatSync(path).mode & 0o7777;
const noProc = process.platform !== "linux" && "not on this platform: a folder that cannot be synced";
const noTrace = spawnSync("strace", ["-o", "/dev/null", "true"]).status !== 0 &&
  "not on this machine: watching system calls needs strace";

describe("the disk of the file store", () => {
  it("a file has its bytes, mode 0600 and its time in whole seconds, within what every disk can hold", async () => {
    const times: [time: number, kept: number][] = [
      [1_999, 1],
      [0, 0],
      [-5_000, 0],
      [1e12, 1e9],
      [8.64e15, 4_102_444_800],
    ];
    for (const [index, [time, kept]] of times.entries()) {
      const path = `${root}/written-${index}`;
      await (index % 2 ? quick : disk).write(path, bytes, time);
      assert.deepEqual(fs.readFileSync(path), Buffer.from(bytes));
      assert.equal(fs.statSync(path).mtimeMs, kept * 1000);
      assert.equal(disk.facts(path)?.time, kept * 1000);
      assert.equal(mode(path), 0o600);
      await assert.rejects(disk.write(path, bytes, 1), { code: "EEXIST" });
    }
  });

  it("reads files up to the limit, and none that is longer", () => {
    const path = `${root}/long`;
    fs.writeFileSync(path, "");
    fs.truncateSync(path, 16_777_216);
    assert.equal(maxFileBytes, 16_777_216);
    assert.equal(disk.read(path)?.length, 16_777_216);
    fs.truncateSync(path, 16_777_217);
    assert.equal(disk.read(path), null);
    fs.writeFileSync(path, "x");
    assert.deepEqual(disk.read(path), new Uint8Array([120]));
    fs.truncateSync(path, 0);
    assert.deepEqual(disk.read(path), new Uint8Array());
    assert.equal(disk.read(`${root}/none`), undefined);
    assert.throws(() => disk.read(`${path}/below`), { code: "ENOTDIR" });
  });

  it("what is missing has no names and no facts; other trouble is thrown", () => {
    const path = `${root}/plain`;
    fs.writeFileSync(path, "");
    assert.deepEqual(disk.names(`${root}/none`), []);
    assert.throws(() => disk.names(path), { code: "ENOTDIR" });
    assert.equal(disk.facts(`${root}/none`), undefined);
    assert.throws(() => disk.remove(`${root}/none`), { code: "ENOENT" });
    assert.throws(() => disk.removeFolder(`${root}/none`), { code: "ENOENT" });
    assert.throws(() => disk.mark(`${root}/none/inside`), { code: "ENOENT" });
    assert.throws(() => disk.move(`${root}/none`, path), { code: "ENOENT" });
    disk.clear(`${root}/none`);
    assert.throws(() => disk.clear(`${path}/below`), { code: "ENOTDIR" });
  });

  it("marks, makes, protects and clears", () => {
    const folder = `${root}/made`;
    disk.makeFolder(folder);
    assert.throws(() => disk.makeFolder(folder), { code: "EEXIST" });
    assert.equal(mode(folder), 0o700);
    assert.equal(disk.facts(folder)?.mode, 0o700);
    fs.chmodSync(folder, 0o755);
    disk.protect(folder);
    assert.equal(mode(folder), 0o700);
    fs.writeFileSync(`${folder}/there`, "kept");
    disk.mark(`${folder}/there`);
    disk.mark(`${folder}/marked`);
    assert.equal(fs.readFileSync(`${folder}/there`, "utf8"), "kept");
    assert.deepEqual([fs.statSync(`${folder}/marked`).size, mode(`${folder}/marked`)], [0, 0o600]);
    assert.deepEqual([disk.facts(folder)?.isFolder, disk.facts(`${folder}/marked`)?.isFile], [true, true]);
    assert.deepEqual([disk.facts(folder)?.isFile, disk.facts(`${folder}/marked`)?.isFolder], [false, false]);
    assert.throws(() => disk.removeFolder(folder), { code: "ENOTEMPTY" });
    disk.clear(folder);
    assert.ok(!fs.existsSync(folder));
  });

  it(
    "SR-051 a folder is truly synced, unless nothing is to be durable",
    { skip: noProc },
    async () => {
      // What is in /proc cannot be synced, and says so.
      await assert.rejects(disk.sync("/proc/self"), { code: "EINVAL" });
      await assert.rejects(disk.sync(`${root}/none`), { code: "ENOENT" });
      await disk.sync(root);
      await quick.sync(`${root}/none`);
    },
  );

  it("SR-053 no umask takes the owner's own rights away", async () => {
    const [folder, marked, written] = ["masked", "masked-mark", "masked-write"].map((name) =>
      `${root}/${name}`
    );
    const umask = process.umask(0o377);
    let writing: Promise<void>;
    try {
      disk.makeFolder(folder!);
      disk.mark(marked!);
      writing = disk.write(written!, bytes, 1);
    } finally {
      process.umask(umask);
    }
    await writing;
    assert.deepEqual([folder!, marked!, written!].map(mode), [0o700, 0o600, 0o600]);
  });

  it("any number of writes and syncs at once, and after failures, leave no descriptor open", async () => {
    const open = () => fs.existsSync("/proc/self/fd") ? fs.readdirSync("/proc/self/fd").length : 0;
    await disk.write(`${root}/first`, bytes, 1);
    const before = open();
    for (let round = 0; round < 3; round++) {
      await Promise.allSettled(Array.from({ length: 50 }, () => disk.sync(`${root}/none`)));
      await Promise.all(
        Array.from({ length: 50 }, (_, i) => disk.write(`${root}/many-${round}-${i}`, bytes, 1)),
      );
      await Promise.all(Array.from({ length: 50 }, () => disk.sync(root)));
      for (let i = 0; i < 50; i++) {
        disk.mark(`${root}/mark-${i}`);
        disk.read(`${root}/first`);
      }
    }
    const syncs = Array.from({ length: 100 }, () => disk.sync(root));
    assert.ok(open() <= before + 40, "sixteen at a time, with up to two each");
    for (const sync of syncs) {
      await sync;
      assert.ok(open() <= before + 40, "sixteen at a time, with up to two each");
    }
    assert.ok(open() <= before + 5, `${open()} open, ${before} before`);
  });

  it("F9 writing asks for what is left, and not for more", () => {
    let written = 0;
    writeAll(0, bytes, (_fd, from, offset, length) => {
      assert.deepEqual([offset, length], [written, from.length - written]);
      written += 2 > length ? length : 2;
      return Math.min(2, length);
    });
    assert.equal(written, bytes.length);
    const failing = (...codes: string[]) => () => {
      const code = codes.shift();
      if (code !== undefined) throw Object.assign(new Error(code), { code });
      return bytes.length;
    };
    writeAll(0, bytes, failing("EINTR", "EAGAIN"));
    assert.throws(() => writeAll(0, bytes, failing("ENOSPC")), { code: "ENOSPC" });
    assert.equal(failedWith(null, "ENOENT"), false);
    assert.equal(failedWith({ code: "ENOENT" }, "EIO", "ENOENT"), true);
  });

  for (const durable of [true, false]) {
    it(`SR-051 a written file is ${durable ? "" : "not "}synced before it is said to be there`, {
      skip: noTrace,
    }, () => {
      const code = `
        import { nodeDisk } from ${
        JSON.stringify(new URL("../../../backends/file/disk.ts", import.meta.url).href)
      };
        const disk = nodeDisk(${durable});
        await disk.write(${JSON.stringify(`${root}/traced-${durable}`)}, new Uint8Array(9), 1);
        disk.mark(${JSON.stringify(`${root}/said-${durable}`)});`;
      const log = `${root}/trace-${durable}`;
      const args = "Bun" in globalThis ? ["-e", code] : ["eval", "--ext=ts", code];
      const calls = "trace=fsync,fdatasync,openat,open";
      const run = spawnSync("strace", ["-f", "-y", "-e", calls, "-o", log, process.execPath, ...args], {
        encoding: "utf8",
        timeout: 60_000,
      });
      assert.equal(run.status, 0, run.stderr);
      const lines = fs.readFileSync(log, "utf8").split("\n");
      const synced = lines.findIndex((line) =>
        /f(data)?sync\(/.test(line) && line.includes(`/traced-${durable}>`)
      );
      const said = lines.findIndex((line) => line.includes(`/said-${durable}"`));
      assert.ok(said > 0);
      assert.equal(synced >= 0 && synced < said, durable, lines.slice(-20).join("\n"));
    });
  }
});
