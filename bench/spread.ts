/** What is told of several rounds of one figure. */

/** Median, least and most. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Four significant digits: the rest is noise, and makes the files hard to read. */
const shortened = (value: number) => Number(value.toPrecision(4));

/** The spread of some values. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const median = sorted.length % 2 === 1
    ? sorted[Math.floor(half)]!
    : (sorted[half - 1]! + sorted[half]!) / 2;
  return { median: shortened(median), min: shortened(sorted[0]!), max: shortened(sorted.at(-1)!) };
}
