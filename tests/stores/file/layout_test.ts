/** Opening and making the folders of the file store, call by call. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Facts } from "../../../backends/file/disk.ts";
import { clearAbandoned, Folders, openFolders } from "../../../backends/file/layout.ts";
import { ModelDisk } from "../../support/file/model_disk.ts";

/** A disk that writes down its calls, throws what it is told to, and says other things of some names. */
class ToldDisk extends ModelDisk {
  calls: string[] = [];
  /** The codes of the next errors of a call: `sync /s`. */
  errors: Record<string, string[]> = {};
  said: (path: string, facts: Facts | undefined) => Facts | undefined = (_, facts) => facts;

  constructor(...folders: string[]) {
    super();
    for (const path of folders) this.makeFolder(path);
    this.before = (_, call, path) => {
      const words = `${call} ${path.replace(/[^/]{16}$/, "probe")}`;
      this.calls.push(words);
      const code = this.errors[words]?.shift();
      if (code) throw Object.assign(new Error(code), { code });
    };
  }

  override facts(path: string): Facts | undefined {
    return this.said(path, super.facts(path));
  }
}

const probed = (path: string) => [
  `facts ${path}`,
  `makeFolder ${path}/probe`,
  `facts ${path}/probe`,
  `removeFolder ${path}/probe`,
];
const ours = ["work", "sessions", "users"].flatMap((
  name,
) => [`makeFolder /s/${name}`, ...probed(`/s/${name}`)]);
const ends = ["sync /s", "names /s/work"];

describe("file store, opening its folders", () => {
  it("SR-051 makes what is missing, from above, and syncs each name", async () => {
    const disk = new ToldDisk();
    const folders = await openFolders(disk, "/a/s/");
    const inner = (calls: string[]) => calls.map((words) => words.replace("/s", "/a/s"));
    assert.deepEqual(disk.calls, [
      ...["facts /a/s", "facts /a", "facts /", "makeFolder /a", "sync /", "makeFolder /a/s", "sync /a"],
      ...inner([...probed("/s"), "names /s", "protect /s", ...ours, ...ends]),
    ]);
    assert.deepEqual([folders.work, folders.sessions, folders.users], [
      "/a/s/work",
      "/a/s/sessions",
      "/a/s/users",
    ]);
  });

  it("a top of all folders that says nothing about itself is there", async () => {
    const disk = new ToldDisk();
    disk.said = (path, facts) => path === "/" ? undefined : facts;
    await openFolders(disk, "/s");
    assert.deepEqual(disk.calls.slice(0, 4), ["facts /s", "facts /", "makeFolder /s", "sync /"]);
  });

  it("protects a folder that is all ours, and leaves one with other things in it as it is", async () => {
    for (const [name, isOurs] of [["users", true], ["other", false]] as const) {
      const disk = new ToldDisk("/s", `/s/${name}`);
      await openFolders(disk, "/s");
      assert.equal(disk.calls.includes("protect /s"), isOurs);
      disk.calls = [];
      await openFolders(disk, "/s");
      const protect = isOurs ? ["protect /s"] : [];
      assert.deepEqual(disk.calls, [
        "facts /s",
        ...probed("/s"),
        "names /s",
        ...protect,
        ...ours,
        ...ends,
      ]);
    }
  });

  it("a folder that another process makes first is as good; other trouble is said", async () => {
    for (const path of ["/a", "/a/s"]) {
      const disk = new ToldDisk();
      const told = disk.before;
      disk.before = (step, call, at) => {
        if (call === "makeFolder" && at === path) disk.view().makeFolder(path);
        told(step, call, at);
      };
      assert.ok(await openFolders(disk, "/a/s"));
      for (const words of [`makeFolder ${path}`, "sync /", "makeFolder /a/s/users", "sync /a/s"]) {
        const broken = new ToldDisk();
        broken.errors[words] = ["EIO"];
        await assert.rejects(openFolders(broken, "/a/s"), { code: "EIO" }, words);
      }
    }
  });

  it("a folder above that may be written to but not read cannot be synced, and need not be", async () => {
    for (const code of ["EACCES", "EPERM"]) {
      const disk = new ToldDisk();
      disk.errors["sync /"] = [code];
      assert.ok(await openFolders(disk, "/s"));
    }
  });

  it("SR-053 only a folder is one, and only its owner may write to it", async () => {
    const names = [["/s", "directory"], ["/s/work", '"work" in the directory'], [
      "/s/users",
      '"users" in the directory',
    ]];
    for (const [path, what] of names) {
      const opened = async (change: Partial<Facts>) => {
        const disk = new ToldDisk("/s", "/s/work", "/s/sessions", "/s/users");
        disk.said = (at, facts) => facts && { ...facts, ...at === path ? change : {} };
        return await openFolders(disk, "/s");
      };
      const message = (text: string) => ({
        name: "TypeError",
        message: `Cannot keep sessions here: ${text}`,
      });
      for (const mode of [0o700, 0o755, 0o701, 0o711, 0o500]) assert.ok(await opened({ mode }));
      for (
        const [mode, text] of [[0o720, "0720"], [0o702, "0702"], [0o1777, "1777"], [0o22, "0022"]] as const
      ) {
        await assert.rejects(
          opened({ mode }),
          message(`${what} must be writable by its owner only, but has mode ${text}`),
        );
      }
      await assert.rejects(opened({ isFolder: false }), message(`${what} must be a folder, not a link`));
      await assert.rejects(
        opened({ owner: 1 }),
        message(`${what} must belong to the user of this process`),
      );
    }
  });

  it("SR-053 a folder that takes no probe is another user's", async () => {
    for (const code of ["EACCES", "EPERM"]) {
      const disk = new ToldDisk("/s");
      disk.errors["makeFolder /s/probe"] = [code];
      await assert.rejects(openFolders(disk, "/s"), {
        name: "TypeError",
        message: /must belong to the user/,
      });
    }
    const disk = new ToldDisk("/s");
    disk.errors["makeFolder /s/probe"] = ["ENOSPC"];
    await assert.rejects(openFolders(disk, "/s"), { code: "ENOSPC" });
  });

  it("a probe that is taken away is made again, five times at most", async () => {
    for (const call of ["makeFolder", "removeFolder"]) {
      for (const times of [4, 5]) {
        const disk = new ToldDisk("/s");
        disk.errors[`${call} /s/probe`] = Array(times).fill("ENOENT");
        if (times < 5) assert.ok(await openFolders(disk, "/s"));
        else await assert.rejects(openFolders(disk, "/s"), { code: "ENOENT" });
        assert.equal(disk.calls.filter((words) => words === "makeFolder /s/probe").length, 5);
      }
    }
    const disk = new ToldDisk("/s");
    const told = disk.before;
    let taken = 0;
    disk.before = (step, call, path) => {
      if (call === "facts" && /^\/s\/[^/]{16}$/.test(path) && taken++ === 0) disk.view().removeFolder(path);
      told(step, call, path);
    };
    assert.ok(await openFolders(disk, "/s"));
    assert.equal(taken, 2);
  });
});

describe("file store, folders in use", () => {
  it("clears what is ten seconds old, or far ahead", () => {
    const { now } = Date;
    const ages = [-10_001, -10_000, 0, 10_000, 10_001];
    const disk = new ToldDisk("/s", "/s/work", ...ages.map((age) => `/s/work/${age}`), "/s/work/gone");
    disk.said = (path, facts) =>
      facts && path !== "/s/work/gone"
        ? { ...facts, time: 1e12 - Number(path.slice(path.lastIndexOf("/") + 1)) }
        : undefined;
    Date.now = () => 1e12;
    try {
      clearAbandoned(disk, "/s/work");
    } finally {
      Date.now = now;
    }
    assert.deepEqual(disk.names("/s/work"), ["-10000", "0", "10000", "gone"]);
  });

  it("opening clears what was left at work", async () => {
    const disk = new ToldDisk("/s", "/s/work", "/s/work/left");
    disk.isOld = true;
    await openFolders(disk, "/s");
    assert.deepEqual(disk.names("/s/work"), []);
  });

  const key = "abc".padEnd(64, "0");
  const path = "/s/sessions/ab/c";
  const start = () => {
    const disk = new ToldDisk("/s", "/s/work", "/s/sessions", "/s/users");
    const folders = new Folders(disk, "/s");
    return { disk, folders, prepare: () => folders.prepare(folders.shard(key)) };
  };
  const made = [
    ["makeFolder /s/sessions/ab", "sync /s/sessions"],
    ["makeFolder /s/sessions/ab/c", "sync /s/sessions/ab"],
  ];

  it("SR-051 makes a folder once, with those above it, and syncs each name", async () => {
    const { disk, folders, prepare } = start();
    assert.deepEqual([folders.shard(key), folders.file(key)], [path, `${path}/${key}`]);
    await prepare();
    assert.deepEqual(disk.calls, made.flat());
    await prepare();
    for (const own of [folders.work, folders.sessions, folders.users]) await folders.prepare(own);
    assert.equal(disk.calls.length, 4);
  });

  it("looks again at those that may be gone, except the first three", async () => {
    const { disk, folders, prepare } = start();
    await prepare();
    folders.forget();
    disk.calls = [];
    await prepare();
    assert.deepEqual(
      disk.calls,
      made.flatMap(([make, sync]) => [make, make!.replace("makeFolder", "facts"), sync]),
    );
    for (const own of [folders.work, folders.sessions, folders.users]) await folders.prepare(own);
    assert.equal(disk.calls.length, 6);
  });

  it("SR-051 a folder whose name was not synced, or that is none, is not ready", async () => {
    for (const words of made.flat()) {
      const { disk, prepare } = start();
      disk.errors[words] = ["EIO"];
      await assert.rejects(prepare(), { code: "EIO" });
      disk.calls = [];
      await prepare();
      assert.ok(disk.calls.includes(words));
    }
    const { disk, prepare } = start();
    disk.mark("/s/sessions/ab");
    await assert.rejects(prepare(), { code: "EEXIST" });
    const gone = start();
    gone.disk.errors["makeFolder /s/sessions/ab"] = ["EEXIST"];
    await assert.rejects(gone.prepare(), { code: "EEXIST" });
    const failing = start();
    await failing.prepare();
    failing.folders.forget();
    failing.disk.errors["makeFolder /s/sessions/ab"] = ["EIO"];
    await assert.rejects(failing.prepare(), { code: "EIO" });
  });
});
