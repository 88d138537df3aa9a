import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { createSessions, type Sessions } from "../../mod.ts";
import type { CountableStore } from "../../src/store.ts";
import { isDeno, other, own, type Runtime } from "../support/processes.ts";
import { secrets, stores } from "../support/processes_stores.ts";
import { type Server, skip, startServer } from "../support/redis/server.ts";

const script = fileURLToPath(new URL("../support/processes_worker.ts", import.meta.url));
const second = other();
const runtimes: Runtime[] = [own, own, second ?? own, second ?? own];
const four = second ? "two processes on Deno and two on Bun" : `four processes on ${isDeno ? "Deno" : "Bun"}`;

/** What a worker may say in a line. */
interface Said {
  /** An acknowledged round: which one, the number that it made, and when. */
  readonly i?: number;
  readonly n: number;
  readonly began: number;
  readonly ended: number;
  readonly late?: string;
  readonly flushed?: number;
  readonly found?: boolean;
  readonly conflicts?: number;
}

/** Runs a worker to its end, which has to be a quiet one: an unhandled rejection is neither. */
function work(runtime: Runtime, args: string[]): Promise<Said[]> {
  const [command, ...before] = runtime(["-A", "--quiet"]);
  return new Promise((resolve, reject) => {
    execFile(command!, [...before, script, ...args], { timeout: 50_000 }, (error, stdout, stderr) => {
      if (error || stderr) return reject(new Error(`${args[0]} ended with ${error?.code}: ${stderr}`));
      resolve(stdout.trim().split("\n").map((line) => JSON.parse(line)));
    });
  });
}

const isAcknowledged = ({ i }: Said) => i !== undefined;
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

/** All that was acknowledged: each change was made on top of all before it, and none was taken back. */
function history(said: Said[]): Said[] {
  const all = said.filter(isAcknowledged).sort((a, b) => a.n - b.n);
  assert.deepEqual(all.map(({ n }) => n), upTo(all.length));
  return all;
}

function throughput(said: Said[]): string {
  const all = said.filter(isAcknowledged);
  const time = Math.max(...all.map(({ ended }) => ended)) - Math.min(...all.map(({ began }) => began));
  const conflicts = said.reduce((sum, { conflicts = 0 }) => sum + conflicts, 0);
  const rate = Math.round(all.length / Math.max(time, 1) * 1000);
  return `${all.length} writes of one session acknowledged in ${time} ms, ${rate}/s; conflicts: ${conflicts}`;
}

for (const [name, open] of Object.entries(stores)) {
  const isRedis = name === "RedisStore";
  describe(`${four} on one session in a ${name}`, { skip: isRedis && skip }, () => {
    let folder: string;
    let server: Server | undefined;
    let place: string;
    let store: CountableStore;
    let sessions: Sessions;
    let release: (() => void) | undefined;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "sojourn-processes-"));
      if (isRedis) server = await startServer();
      place = server ? String(server.port) : join(folder, "sessions");
      ({ store, release } = await open(place, 0));
      sessions = createSessions({ store, secrets });
    });
    after(async () => {
      await sessions?.close();
      release?.();
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    /** Makes a session and gives each process a job on it. */
    async function together(jobs: string[]): Promise<{ id: string; said: Said[][] }> {
      const session = await sessions.open();
      session.set("a", 1);
      await session.save();
      const id = session.id!;
      const args = (job: string, i: number) => [job, name, place, id, String(i)];
      return { id, said: await Promise.all(jobs.map((job, i) => work(runtimes[i]!, args(job, i)))) };
    }

    it("SR-042 F8 no acknowledged update and no key is lost", { timeout: 60_000 }, async (t) => {
      const { id, said } = await together(["hammer", "hammer", "hammer", "hammer"]);
      const everything: Record<string, unknown> = { a: 1, n: history(said.flat()).length };
      for (const [worker, lines] of said.entries()) {
        const acknowledged = lines.filter(isAcknowledged).map(({ i }) => i!);
        assert.deepEqual(acknowledged, upTo(60).map((i) => i - 1));
        everything[`here-${worker}`] = true;
        for (const i of acknowledged) everything[`own-${worker}-${i}`] = i;
      }
      assert.deepEqual(Object.fromEntries((await sessions.open(id)).entries()), everything);
      t.diagnostic(`${name}: ${throughput(said.flat())}`);
    });

    it(
      "SR-034 F8 a session that one of them ends while three write stays gone",
      { timeout: 60_000 },
      async (t) => {
        const before = await store.stats(Date.now(), []);
        const { id, said } = await together(["persist", "persist", "flush", "persist"]);
        const [{ flushed }] = said[2]!.filter(({ flushed }) => flushed !== undefined) as [Said];
        const writes = history(said.flat());
        assert.ok(writes.length >= 30);
        assert.deepEqual(writes.filter(({ began }) => began > flushed!), []);
        const late = said.flat().filter((line) => "late" in line).map(({ late }) => late);
        assert.deepEqual(late, Array(12).fill("ERR_GONE"));
        assert.equal(said.flat().filter(({ found }) => found === false).length, 100);
        assert.equal((await sessions.open(id)).id, undefined);
        assert.deepEqual(await store.stats(Date.now(), []), before);
        t.diagnostic(`${name}: ${throughput(said.flat())}`);
      },
    );
  });
}
