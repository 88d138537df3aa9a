/** Which tests have to notice a change of which file, quick ones first, and which changes change nothing, with the reason. */

import { core } from "./subjects/core.ts";
import { stores } from "./subjects/stores.ts";

/** What is known of one source file. */
export interface Subject {
  /** The test files, by their paths in `tests/` without the ending. */
  readonly tests: readonly string[];
  /** Mutants that no test can notice: a part of `<line>: <what>`, with the line's text in place of its number, and why. */
  readonly equivalent?: readonly (readonly [part: string, why: string])[];
}

export const subjects: Readonly<Record<string, Subject>> = { ...core, ...stores };
