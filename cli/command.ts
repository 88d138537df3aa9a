/** The interface of all commands. */

import type { Given, Syntax } from "./arguments.ts";
import type { Io } from "./io.ts";

/** One command. */
export interface Command extends Syntax {
  /** The arguments after its name, in the usage: one or more forms. */
  readonly usage: readonly string[];
  /** What it does, in a few words that continue its name. */
  readonly summary: string;
  /** Runs it; resolves to the exit code. */
  run(given: Given, io: Io): Promise<number>;
}

/** The options of every command that opens a store. */
export const storeOptions: { readonly table: "value"; readonly prefix: "value" } = {
  table: "value",
  prefix: "value",
};
