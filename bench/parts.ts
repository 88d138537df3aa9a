/** The parts of the bench: which program measures what, and how long it may take. */

/** `quick` shows that it works, and the order of things; `full` is for figures that are kept. */
export type Depth = "quick" | "full";

/** What else can be asked for. */
export interface Options {
  /** A part of the names of what is measured. */
  readonly only: string | undefined;
  /** How many sessions are stored at most, or cleared. */
  readonly records: string | undefined;
  /** `cpu`: in process the time that the process itself uses is what counts. */
  readonly clock: string | undefined;
  /** A folder for files, on the disk that is to be measured; it does not exist yet, and is removed afterwards. */
  readonly folder: string;
}

/** One part: a program that prints JSON with `figures`. */
export interface Part {
  readonly name: string;
  /** The program in this folder, or one of the system, and its arguments. */
  command(depth: Depth, options: Options): readonly string[];
  /** Whether its program runs on Deno and starts servers of the runtime that is measured. */
  readonly leads?: boolean;
  /** Whether it is measured once, by a program that is neither Bun's nor Deno's. */
  readonly once?: boolean;
}

const words = (given: string | undefined) => given === undefined ? [] : [given];

const isFull = (depth: Depth) => depth === "full";

/** All of them, in their order. */
export const parts: readonly Part[] = [
  {
    name: "process",
    command: (depth, { only, clock }) => [
      "in_process.ts",
      isFull(depth) ? "31" : "15",
      ...words(clock),
      ...words(only),
    ],
  },
  {
    name: "http",
    leads: true,
    command: (depth, { only }) => ["over_http.ts", isFull(depth) ? "3" : "1", ...words(only)],
  },
  { name: "half-load", leads: true, command: (depth) => ["half_load.ts", isFull(depth) ? "3" : "1"] },
  { name: "heap", command: (depth) => ["heap.ts", isFull(depth) ? "1000000" : "100000"] },
  { name: "serialization", command: (depth) => ["serialization.ts", isFull(depth) ? "31" : "9"] },
  {
    name: "stores",
    command: (depth, { only, records, folder }) => [
      "stores.ts",
      folder,
      isFull(depth) ? "120" : "60",
      records ?? (isFull(depth) ? "1000000" : "1000"),
      ...words(only),
    ],
  },
  {
    name: "lists",
    command: (depth, { only, records, folder }) => [
      "lists.ts",
      folder,
      records ?? (isFull(depth) ? "100000" : "1000"),
      ...words(only),
    ],
  },
  {
    name: "housekeeping",
    leads: true,
    command: (depth, { records, folder }) => [
      "housekeeping.ts",
      folder,
      records ?? (isFull(depth) ? "200000" : "5000"),
    ],
  },
  {
    name: "django",
    once: true,
    command: (depth) => ["/usr/bin/python3", "bench/django_sessions.py", isFull(depth) ? "25" : "7"],
  },
];
