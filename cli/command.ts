/** What all commands have in common. */

import type { Given, Syntax } from "./arguments.ts";
import type { Io } from "./io.ts";

/** One command. */
export interface Command extends Syntax {
  /** What may follow its name, in the usage: one or more forms. */
  readonly usage: readonly string[];
  /** What it does, in a few words that go on from its name. */
  readonly summary: string;
  /** Does it, and answers the exit code. */
  run(given: Given, io: Io): Promise<number>;
}

/** The options of every command that opens a store. */
export const storeOptions: { readonly table: "value"; readonly prefix: "value" } = {
  table: "value",
  prefix: "value",
};
