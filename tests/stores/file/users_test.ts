/** The entries of users in the file store, call by call. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { Lock, LockLost, LockTimeout } from "../../../backends/file/lock.ts";
import { openFolders } from "../../../backends/file/layout.ts";
import { Users } from "../../../backends/file/users.ts";
import { A, B, ModelDisk } from "../../support/file/model_disk.ts";

async function start() {
  const disk = new ModelDisk();
  const folders = await openFolders(disk, "/s");
  const users = new Users(disk, folders);
  const calls: string[] = [];
  const errors: Record<string, string> = {};
  disk.before = (_, call, path) => {
    calls.push(`${call} ${path}`);
    const code = errors[`${call} ${path}`];
    if (code) throw Object.assign(new Error(code), { code });
  };
  return { disk, users, calls, errors, folder: users.folder("u"), above: users.folder("u").slice(0, -65) };
}

/** Removes an entry under the session's lock. */
async function remove(disk: ModelDisk, users: Users, folder: string, key: string): Promise<void> {
  const claim = new Lock(disk, "/s/work", key);
  await claim.stage({ key });
  assert.ok(claim.take(new LockTimeout(1)));
  try {
    users.remove(folder, claim);
  } finally {
    claim.release();
  }
}

describe("file store, the entries of users", () => {
  it("are in a folder per user, be it of any name", async () => {
    const { users } = await start();
    for (const id of ["", "u", "../x", "\uD800", "\uDFFF", "\uFFFD"]) {
      const hash = createHash("sha256").update(`sojourn-user ${JSON.stringify(id)}`).digest("hex");
      assert.equal(users.folder(id), `/s/users/${hash.slice(0, 2)}/${hash}`);
    }
  });

  it("SR-051 are synced with the folders that name them, also those that were there", async () => {
    const { users, calls, folder, above } = await start();
    await users.add("u", A);
    const made = [`makeFolder ${folder}`, `mark ${folder}/${A}`, `sync ${folder}`, `sync ${above}`];
    assert.deepEqual(calls, [`makeFolder ${above}`, "sync /s/users", ...made]);
    calls.length = 0;
    await users.add("u", A);
    assert.deepEqual(calls, made);
    assert.deepEqual([users.has("u", A), users.has("u", B), users.has("w", A)], [true, false, false]);
  });

  it("SR-051 are not there where the disk fails, which is said", async () => {
    for (const call of ["makeFolder", "mark", "sync", "sync above"]) {
      const { users, errors, folder, above } = await start();
      const words = call === "sync above"
        ? `sync ${above}`
        : `${call} ${folder}${call === "mark" ? `/${A}` : ""}`;
      errors[words] = "EIO";
      await assert.rejects(users.add("u", A), { code: "EIO" }, call);
    }
  });

  it("SR-054 that lose their folder to another process are made again by who asked for them", async () => {
    for (const call of ["mark", "sync"]) {
      const { disk, users, folder } = await start();
      disk.before = (_, now, path) => {
        if (now === call && path.startsWith(folder)) disk.view().clear(folder);
      };
      await assert.rejects(users.add("u", A), LockLost);
    }
  });

  it("are named by keys, and nothing else is an entry", async () => {
    const { disk, users, folder } = await start();
    assert.deepEqual(users.keys("u"), []);
    await users.add("u", A);
    await users.add("u", B);
    for (const name of ["x", `${A}0`, A.toUpperCase()]) disk.mark(`${folder}/${name}`);
    assert.deepEqual(users.keys("u"), [A, B]);
  });

  it("take the folder with them when the last one goes, and not before", async () => {
    const { disk, users, folder, above } = await start();
    await users.add("u", A);
    await users.add("u", B);
    await remove(disk, users, folder, A);
    assert.deepEqual(users.keys("u"), [B]);
    await remove(disk, users, folder, A);
    assert.deepEqual(users.keys("u"), [B]);
    await remove(disk, users, folder, B);
    assert.deepEqual(disk.names(above), []);
    users.prune(folder);
    disk.makeFolder(folder);
    await remove(disk, users, folder, B);
    assert.deepEqual(disk.names(above), []);
    assert.deepEqual(disk.names("/s/work"), []);
  });
});
