/** Inputs for everything that reads: random bytes, and real inputs with a few edits. Both shrink. */

import fc from "fast-check";
import { Buffer } from "node:buffer";

/** Something that reads what others wrote, and what must hold whatever they wrote. */
export interface Target {
  /** Begins with the requirement. */
  readonly name: string;
  /** Real inputs, from which others are made. */
  readonly samples: readonly Uint8Array[];
  /** Throws when something does not hold. */
  readonly check: (input: Uint8Array) => unknown;
}

export const bytesOf = (text: string): Uint8Array => Buffer.from(text);
export const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
export const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

/** Bytes that mean something to one reader or another. */
const words = [
  "\0",
  "\n",
  "\r\n",
  " ",
  "\t",
  ";",
  "=",
  ",",
  '"',
  "\\",
  "%3D",
  "__Host-sid=",
  "__proto__",
  "{}",
  "[]",
  "null",
  "-0",
  "1e999",
  "9".repeat(20),
  "\u00e9",
  "\ud7ff",
  "\ufeff",
  "[".repeat(70),
  '{"a":'.repeat(70),
  "undefined",
  "-1",
  "2",
].map(bytesOf);

interface Edit {
  readonly kind: "flip" | "insert" | "remove" | "repeat" | "cut" | "move";
  /** Where, from 0 to 1. */
  readonly at: number;
  readonly length: number;
  readonly bytes: Uint8Array;
}

const place = fc.double({ min: 0, max: 1, noNaN: true });
const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom("flip", "insert", "remove", "repeat", "cut", "move"),
  at: place,
  length: fc.integer({ min: 1, max: 64 }),
  bytes: fc.oneof(fc.constantFrom(...words), fc.uint8Array({ minLength: 1, maxLength: 8 })),
});

function apply(input: Uint8Array, { kind, at, length, bytes }: Edit): Uint8Array {
  const from = Math.min(Math.floor(at * (input.length + 1)), input.length);
  const to = Math.min(from + length, input.length);
  const [before, middle, after] = [input.subarray(0, from), input.subarray(from, to), input.subarray(to)];
  switch (kind) {
    case "flip": {
      const flipped = Uint8Array.from(input);
      if (from < input.length) flipped[from]! ^= bytes[0]! || 1;
      return flipped;
    }
    case "insert":
      return Buffer.concat([before, bytes, middle, after]);
    case "remove":
      return Buffer.concat([before, after]);
    case "repeat":
      return Buffer.concat([before, middle, middle, after]);
    case "cut":
      return before;
    case "move":
      return Buffer.concat([after, before, middle]);
  }
}

/** Random bytes, samples with up to four edits, and the head of one sample with the tail of another. */
export function inputsFrom(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const sample = fc.constantFrom(...samples);
  const edited = fc.tuple(sample, fc.array(edit, { maxLength: 4 })).map(([bytes, edits]) =>
    edits.reduce(apply, bytes)
  );
  const spliced = fc.tuple(sample, place, sample, place).map(([head, to, tail, from]) =>
    Buffer.concat([
      head.subarray(0, Math.floor(to * head.length)),
      tail.subarray(Math.floor(from * tail.length)),
    ])
  );
  return fc.oneof(
    { weight: 6, arbitrary: edited },
    { weight: 2, arbitrary: spliced },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 100 }).map(bytesOf) },
  );
}

/** Runs a target; the error of fast-check names the smallest input, the seed and the path to it. */
export async function fuzz({ samples, check }: Target, run: fc.Parameters<[Uint8Array]>): Promise<void> {
  await fc.assert(fc.asyncProperty(inputsFrom(samples), async (input) => void await check(input)), run);
}
