/** The one way to kill: a worker that acknowledges, a fault at a random time, a reader that compares. */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { dice } from "../support/dice.ts";
import { type Child, other, own, type Runtime, start } from "../support/processes.ts";
import { type Opened, openPlace, type StoreName } from "./places.ts";
import { expect, type Outcome, outcome, pause } from "./plan.ts";
import { Story } from "./story.ts";

export const workerScript: string = fileURLToPath(new URL("./worker.ts", import.meta.url));

/** The workers' runtimes by turns: this one and, where it is there, the other one. */
export const runtimes: readonly [Runtime, Runtime] = [own, other() ?? own];

/** What is killed, how often, and what is looked at besides. */
export interface Killing {
  readonly store: StoreName;
  /** The path or port. */
  readonly place: string;
  readonly runs: number;
  readonly seed: number;
  /** What the worker does besides. */
  readonly beside?: string;
  /** Longest time from the first acknowledgement to the kill, in ms. @default 500 */
  readonly within?: number;
  /** The fault, before the worker is killed. */
  fault?(): Promise<unknown>;
  /** After the kill, before the store is opened again. */
  before?(result: Outcome): unknown;
  /** While the store is open, after it was compared. */
  after?(place: Opened, result: Outcome): unknown;
  /** The comparison. @default every slot of the run */
  check?(story: Story, place: Opened, result: Outcome): Promise<void>;
}

/** Starts a worker, which waits for a line before it begins. */
export function startWorker(plan: Killing, run: number, env = ""): Child {
  const runtime = runtimes[run % 2]!;
  const args = [plan.store, plan.place, String(plan.seed + run), String(run), plan.beside ?? "nothing"];
  return start(workerScript, runtime, args, {
    shell: `export NO_COLOR=1 ${env}`,
    permissions: ["-A", "--unstable-kv", "--no-check"],
  });
}

/** Kills workers again and again at the same place. */
export async function kill(plan: Killing): Promise<Outcome> {
  const result = outcome(plan.runs);
  const roll = dice(plan.seed);
  const story = new Story();
  const all = new Story();
  const starts: number[] = [];
  // The next worker is started while this one is at work, and so costs no time.
  let next: Child | undefined = startWorker(plan, 0);
  try {
    for (let run = 0; run < plan.runs; run++) {
      const worker = next!;
      worker.process.stdin!.write("go\n");
      next = run + 1 < plan.runs ? startWorker(plan, run + 1) : undefined;
      await worker.said(2);
      while (!worker.lines.some((line) => line.startsWith("ok "))) await worker.said(worker.lines.length + 1);
      await pause(5 + roll((plan.within ?? 500) - 5));
      await plan.fault?.();
      process.kill(worker.process.pid!, "SIGKILL");
      const ending = await worker.ended;
      expect(result, ending === "SIGKILL", `a worker ended by itself: ${ending}`);
      story.slots.clear();
      story.tell(worker.lines);
      await plan.before?.(result);

      const started = performance.now();
      const place = await openPlace(plan.store, plan.place, { now: () => Date.now() + 86_400_000 });
      try {
        await place.store.load("0".repeat(64));
        starts.push(performance.now() - started);
        if (plan.check) await plan.check(story, place, result);
        else await story.check(place, result);
        await plan.after?.(place, result);
        for (const [name, slot] of story.slots) all.slots.set(name, slot);
        // What was settled after each kill has to be so at the end, too.
        if (run + 1 === plan.runs) await all.check(place, result);
      } finally {
        await place.close();
      }
    }
  } finally {
    next?.process.kill("SIGKILL");
    await next?.ended;
  }
  // The median, as the worst is the machine's: other work on it, and a disk that is busy with what was killed.
  const [median, worst] = [starts.sort((a, b) => a - b)[starts.length >> 1]!, Math.ceil(starts.at(-1)!)];
  expect(result, median < 1000, `the next start took ${Math.round(median)} ms, not under 1 s`);
  if (plan.fault === undefined && story.failures.length > 0) {
    expect(result, false, `operations failed before the kill: ${[...new Set(story.failures)].join(", ")}`);
  }
  result.notes.push(
    `${story.acknowledged} acknowledged operations`,
    `next start ${Math.ceil(median)} ms, at worst ${worst} ms`,
  );
  return result;
}
