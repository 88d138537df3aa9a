/** What the tests of the file store run in processes of their own: `file_child.ts <job> <directory> <number> <key>`. */

import { FileStore } from "../backends/file.ts";
import { SessionError } from "../src/errors.ts";

const [job, directory = "", number = "0", key = "ab".repeat(32)] = process.argv.slice(2);
const store = await FileStore.open(directory, job === "umask" ? { durability: "os" } : {});
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
  await store.touch(key, 2, 5);
  await store.rotate(key, other, record("c"), version!);
  await store.clearExpired(1, 10);
  const listed = await store.list("u");
  await store.create(key, record("d"));
  await store.delete(other);
  say(`${listed.map((entry) => entry.record.data).join()} ${(await store.load(key))?.data}`);
}

const jobs: Record<string, () => Promise<void>> = { many, once, umask: once };
await jobs[job!]!();
await store.close();
