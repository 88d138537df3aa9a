/** The parts of the bench: which program measures what, and how long it may take. */

/** `quick` shows that it works, and the order of things; `full` is for figures that are kept. */
export type Depth = "quick" | "full";

/** One part: a program that prints JSON with `figures`. */
export interface Part {
  readonly name: string;
  /** The program in this folder, or one of the system, and its arguments. */
  command(depth: Depth, options: { readonly only: string | undefined }): readonly string[];
  /** Whether its program runs on Deno and starts servers of the runtime that is measured. */
  readonly leads?: boolean;
  /** Whether it is measured once, by a program that is neither Bun's nor Deno's. */
  readonly once?: boolean;
}

const words = (only: string | undefined) => only === undefined ? [] : [only];

/** All of them, in their order. */
export const parts: readonly Part[] = [
  {
    name: "process",
    command: (depth, { only }) => ["in_process.ts", depth === "full" ? "41" : "15", ...words(only)],
  },
  {
    name: "http",
    leads: true,
    command: (depth, { only }) => ["over_http.ts", depth === "full" ? "3" : "1", ...words(only)],
  },
];
