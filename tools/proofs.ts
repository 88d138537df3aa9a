/** Which tests carry the number of a requirement, found by their names, and whether a run of all of them proved every row. */

import { readdirSync, readFileSync } from "node:fs";
import type { Outcome } from "./junit.ts";
import { requirements } from "./requirements.ts";

/** A test, or the template of several, that carries numbers. */
export interface Proof {
  /** The file, from the root of the checkout. */
  readonly file: string;
  /** The numbers, such as `SR-034`. */
  readonly ids: readonly string[];
}

const leading = /^(?:[A-Z]\d+ )*((?:SR-\d{3} ?)+)/;
const literal =
  /(?:\b(?:it|describe|itWithVectors)\(\s*|\bname:\s*)(["'`])((?:[A-Z]\d+ )*SR-\d{3} (?:\\.|(?!\1)[^\n])*)\1/g;

/** The numbers at the start of a test's name, after the plans (`R6 SR-061 …`) if there are any. */
export function numbersOf(name: string): readonly string[] {
  return leading.exec(name)?.[1]?.trim().split(/ +/) ?? [];
}

/** The numbered names of tests in the source of a file. A name in a comment does not count. */
export function proofsIn(file: string, source: string): Proof[] {
  const code = source.split("\n").filter((line) => !/^\s*(?:\/\/|\/?\*)/.test(line)).join("\n");
  return [...code.matchAll(literal)].map(([, , name]) => ({ file, ids: numbersOf(name!) }));
}

/** The proofs in all test files below a checkout, the suite for stores included. */
export function findProofs(root: string): Proof[] {
  return ["tests", "src/testing/cases"].flatMap((folder) =>
    readdirSync(`${root}/${folder}`, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts")).sort()
      .flatMap((name) => proofsIn(`${folder}/${name}`, readFileSync(`${root}/${folder}/${name}`, "utf8")))
  );
}

/** The rows for which no test passed in a run of all tests. */
export function unproved(outcomes: readonly Outcome[]): string[] {
  const passed = outcomes.filter(({ state }) => state === "passed");
  const proved = new Set(passed.flatMap(({ name }) => name.split(" > ")).flatMap(numbersOf));
  return requirements.flatMap(({ rows }) => rows).map(({ id }) => id).filter((id) => !proved.has(id));
}
