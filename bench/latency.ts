/** How long the same step takes, over and over: percentiles, and steps per second. */

/** One step; the n-th of them all. */
export type Step = (n: number) => unknown;

/** What was taken, in microseconds. */
export interface Taken {
  readonly inFlight: number;
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

/** Of values in their order, the one that such a part of them is below. */
export function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
}

/** Runs steps for a number of milliseconds, with a maximum in flight and in total. */
export async function measure(step: Step, inFlight: number, limit: number, time: number): Promise<Taken> {
  const taken: number[] = [];
  const start = performance.now();
  let begun = 0;
  const worker = async () => {
    while (begun < limit && performance.now() - start < time) {
      const at = performance.now();
      const answer = step(begun++);
      if (answer instanceof Promise) await answer;
      taken.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - start) / 1000;
  const sorted = taken.sort((a, b) => a - b);
  const [p50, p99] = [0.5, 0.99].map((part) => percentile(sorted, part) * 1000) as [number, number];
  return { inFlight, count: sorted.length, p50, p99, perSecond: sorted.length / seconds };
}

/** A result that shows the step was done; with any other the figure would measure something else. */
export function sure<T>(answer: T | Promise<T>, done: (value: T) => void = () => {}): void | Promise<void> {
  const check = (value: T) => {
    if (value === undefined || value === false) throw new Error("An operation was refused");
    done(value);
  };
  return answer instanceof Promise ? answer.then(check) : check(answer);
}
