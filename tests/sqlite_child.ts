/** A process that saves counters for ever and says what was acknowledged: it is there to be killed. */
import { writeSync } from "node:fs";
import { SqliteStore } from "../backends/sqlite.ts";

const keyOf = (n: number) => n.toString(16).padStart(64, "0");
const recordOf = (data: string) => ({ data, createdAt: 1, touchedAt: 1, expiresAt: 4e12 });
const store = await SqliteStore.open(process.argv[2]!);

async function work(slot: number) {
  const key = keyOf(slot);
  let { data, version } = (await store.load(key)) ??
    { data: "0", version: await store.create(key, recordOf("0")) };
  for (let n = Number(data) + 1;; n++) {
    version = await store.save(key, recordOf(`${n}`), version!);
    if (version === undefined) throw new Error("lost its own record");
    // Every tenth session is also ended, and must stay so.
    const ended = n % 10 === 0;
    if (ended) await store.delete(key);
    writeSync(1, `${slot} ${ended ? "ended" : n}\n`);
    if (ended) version = await store.create(key, recordOf(`${n}`));
  }
}
await Promise.all(Array.from({ length: 8 }, (_, slot) => work(slot)));
