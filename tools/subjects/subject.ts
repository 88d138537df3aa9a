/** What is known of one source file, for `mutants_map.ts`. */

/** What is known of one source file. */
export interface Subject {
  /** The test files, by their paths in `tests/` without the ending. */
  readonly tests: readonly string[];
  /** Mutants that no test can notice: a part of `<line>: <what>`, with the line's text in place of its number, and why. */
  readonly equivalent?: readonly (readonly [part: string, why: string])[];
}
