/** What the tests of the file store run in processes of their own: `child.ts <job> <directory> <number> <key>`. */

import { openSync } from "node:fs";
import { FileStore } from "../../../backends/file.ts";
import { SessionError } from "../../../src/errors.ts";

const [job, directory = "", number = "0", key = "ab".repeat(32)] = process.argv.slice(2);
const store = await FileStore.open(
  directory,
  job === "umask" || job === "reopen" ? { durability: "os" } : {},
);
const say = (line: string) => process.stdout.write(`${line}\n`);
const record = (data: string, expiresAt = 4e12) => ({
  data,
  userId: "u",
  createdAt: 1,
  touchedAt: 1,
  expiresAt,
});

/** So many at the same time; tells how each ended. */
async function many(): Promise<void> {
  // Deno itself panics where it has no descriptors left for its first signal handler
  const ignore = () => {};
  process.on("SIGUSR2", ignore).off("SIGUSR2", ignore);
  // Of 64 descriptors 32 are left: taken here, as Deno itself cannot start with fewer.
  for (let i = 0; i < 32; i++) openSync("/dev/null", "r");
  const names = Array.from({ length: Number(number) }, (_, i) => i.toString(16).padStart(64, "c"));
  const endings = await Promise.all(names.map((name) =>
    store.create(name, record("x".repeat(1000))).then(
      (version) => version === undefined ? "taken" : "ok",
      (error) => error instanceof SessionError ? error.code : String(error),
    )
  ));
  say([...new Set(endings)].sort().join(" "));
  await store.create("d".repeat(64), record("after"));
  say((await store.load("d".repeat(64)))!.data);
}

/** Every operation once. */
async function once(): Promise<void> {
  const other = "cd".repeat(32);
  let version = await store.create(key, record("a"));
  version = await store.save(key, record("b"), version!);
  await store.touch(key, 2, 5e12, version!);
  await store.create(other, record("c"));
  await store.clearExpired(1, 10);
  const listed = await store.list("u");
  await store.delete(other);
  say(`${listed.entries.map((entry) => entry.record.expiresAt).join()} ${(await store.load(key))?.data}`);
}

/** Opens the folder again and again, and writes each time; tells what went wrong. */
async function reopen(): Promise<void> {
  for (let i = 0; i < Number(number); i++) {
    try {
      const again = await FileStore.open(directory, { durability: "os" });
      const name = (process.pid * 1000 + i).toString(16).padStart(64, "e");
      const version = await again.create(name, record("a"));
      const saved = await again.save(name, record("b"), version!);
      const found = await again.load(name);
      if (found?.data !== "b" || found.version !== saved) say(`lost ${i}`);
      if (!await again.touch(name, 2, 4e12, saved!)) say(`untouched ${i}`);
      if (!await again.delete(name)) say(`gone ${i}`);
      await again.clearExpired(1, 1);
      await again.close();
    } catch (error) {
      say(`${error} ${(error as Error).cause}`);
    }
  }
}

const jobs: Record<string, () => Promise<void>> = { many, once, umask: once, reopen };
await jobs[job!]!();
await store.close();
