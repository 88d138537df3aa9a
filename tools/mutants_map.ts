/** The tests that must notice a change of each file, quick ones first, and the mutants that are equivalent, with the reason. */

import { core } from "./subjects/core.ts";
import { data } from "./subjects/data.ts";
import { stores } from "./subjects/stores.ts";

/** The tests and the equivalent mutants of one source file. */
export interface Subject {
  /** The test files, by their paths in `tests/` without the ending. */
  readonly tests: readonly string[];
  /** Mutants that no test can notice: a part of `<line>: <what>`, with the line's text in place of its number, and why. */
  readonly equivalent?: readonly (readonly [part: string, why: string])[];
}

export const subjects: Readonly<Record<string, Subject>> = { ...core, ...data, ...stores };
