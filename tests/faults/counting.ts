/** Four processes of both runtimes that add to the same sessions: what was acknowledged has to be the sum. */

import { runtimes, startWorker } from "./killing.ts";
import { openPlace, type StoreName } from "./places.ts";
import { expect, found, type Outcome, outcome, type Size } from "./plan.ts";

const processCount = 4;

/** Adds to 20 sessions: 10,000 times in the full form, on both runtimes together. */
export async function count(store: StoreName, place: string, { seed, isFull }: Size): Promise<Outcome> {
  const each = isFull ? 1250 : 50;
  const result = outcome(processCount * each);
  const opened = await openPlace(store, place);
  try {
    const ids: string[] = [];
    for (let i = 0; i < 20; i++) {
      const session = await opened.sessions.open();
      session.set("n", 0);
      await session.save();
      ids.push(session.id!);
    }
    const workers = Array.from(
      { length: processCount },
      (_, i) =>
        startWorker(
          { store, place, runs: 1, seed, beside: "count" },
          i,
          `COUNT=${each} IDS=${ids.join(",")}`,
        ),
    );
    for (const worker of workers) worker.process.stdin!.write("go\n");
    const started = performance.now();
    const sums = new Map<string, number>();
    let conflicts = 0;
    for (const worker of workers) {
      const ending = await worker.ended;
      expect(result, ending === 0, `a worker ended with ${ending}`);
      const said = JSON.parse(worker.lines[0] ?? '{"added":[],"conflicts":0,"failures":[]}');
      for (const [id, n] of said.added) sums.set(id, (sums.get(id) ?? 0) + n);
      for (const [code, n] of said.failures) expect(result, false, `${n} updates failed with ${code}`);
      conflicts += said.conflicts;
    }
    const seconds = (performance.now() - started) / 1000;
    for (const [i, id] of ids.entries()) {
      const n = (await opened.sessions.open(id)).get("n") as number;
      const missing = (sums.get(id) ?? 0) - n;
      for (let one = 0; one < missing; one++) {
        found(result, "lost", `session ${i} is at ${n}, not at ${sums.get(id)}`);
      }
      expect(result, missing >= 0, `session ${i} counts ${-missing} too many`);
    }
    const mixed = runtimes[0] === runtimes[1] ? "one runtime" : "Deno and Bun";
    result.notes.push(
      `${mixed}, ${Math.round(result.runs / seconds)}/s, ${conflicts} conflicts told and repeated`,
    );
  } finally {
    await opened.close();
  }
  return result;
}
