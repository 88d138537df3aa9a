/**
 * A process that changes sessions in a Deno KV file: `worker.ts <file> churn|count <rounds>`.
 *
 * `churn` counts up, touches and ends sessions, and prints a line for everything that was acknowledged.
 * `count` adds one to the session `0…0` as often as it is told, retrying on every conflict.
 */

import process from "node:process";
import { DenoKvStore } from "../../backends/deno_kv.ts";
import { openTestKv } from "./open_kv.ts";

const [path, mode, rounds] = process.argv.slice(2);
const store = new DenoKvStore(await openTestKv(path!));
const say = (line: string) => process.stdout.write(line + "\n");
const end = Date.now() + 3_600_000;
const fill = (n: number) => JSON.stringify({ n, check: `${n}`.repeat(500) });
const record = (n: number) => ({ data: fill(n), userId: "u", createdAt: 1, touchedAt: n, expiresAt: end });

async function churn(loop: number): Promise<void> {
  for (let round = 0;; round++) {
    const key = `${loop}${round % 5}`.padStart(64, "0");
    const old = await store.load(key);
    if (old === undefined) {
      if (await store.create(key, record(1))) say(`set ${key} 1`);
    } else if (round % 7 === 6) {
      say(`ending ${key}`);
      if (await store.delete(key)) say(`ended ${key}`);
    } else {
      const n = JSON.parse(old.data).n + 1;
      if (await store.save(key, record(n), old.version)) say(`set ${key} ${n}`);
      await store.touch(key, n, end + n);
    }
  }
}

async function count(): Promise<void> {
  const key = "0".repeat(64);
  for (let added = 0; added < Number(rounds);) {
    const old = (await store.load(key))!;
    const data = String(Number(old.data) + 1);
    if (await store.save(key, { ...old, data }, old.version)) added++;
  }
  say("done");
}

if (mode === "churn") await Promise.all([0, 1, 2, 3].map(churn));
else await count();
process.exit(0);
