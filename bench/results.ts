/** The JSON that the bench keeps: writing it, one figure a line, and finding figures in it. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type {
  Clearing,
  HalfLoadFigure,
  HeapFigure,
  Listing,
  RequestFigure,
  Result,
  SerializationFigure,
  StoreFigures,
} from "./figures.ts";

/** What each part finds out, by its name. */
export interface Parts {
  process: RequestFigure;
  http: RequestFigure;
  "half-load": HalfLoadFigure;
  heap: HeapFigure;
  serialization: SerializationFigure;
  stores: StoreFigures;
  lists: Listing;
  housekeeping: Clearing;
  django: RequestFigure;
}

/** In the order of the columns. */
export const runtimes = ["bun", "deno"] as const;

/** One of {@linkcode runtimes}. */
export type Runtime = typeof runtimes[number];

/** What runtimes are called. */
export const titles: Readonly<Record<Runtime, string>> = { bun: "Bun", deno: "Deno" };

/** All results of a folder. */
export class Results {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The result of a part on a runtime, if it was measured. */
  get<Name extends keyof Parts>(name: Name, runtime?: Runtime): Result<Parts[Name][]> | undefined {
    const path = `${this.#folder}/${name}${runtime === undefined ? "" : `-${runtime}`}.json`;
    return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
  }

  /** Its figures. */
  figures<Name extends keyof Parts>(name: Name, runtime?: Runtime): readonly Parts[Name][] {
    return this.get(name, runtime)?.figures ?? [];
  }

  /** What a table of these parts says below it: when, where and with what it was measured. */
  origin(name: keyof Parts): string {
    const all = name === "django" ? [this.get(name)] : runtimes.map((runtime) => this.get(name, runtime));
    const found = all.filter((one) => one !== undefined);
    const { at, machine, depth, rounds, clock } = found[0]!;
    const times = (rounds === 1 ? "one round" : `${rounds} rounds`) +
      (clock === "cpu" ? " by the process's own time" : "");
    return `${
      depth === "full" ? "Measured" : "Provisional, measured"
    } by \`deno task bench ${depth} ${name}\` on ${at.slice(0, 10)}, ${times}: ${machine}; ${
      found.map(({ runtime }) => runtime).join(", ")
    }.`;
  }
}

/** Writes a result so that a difference between two shows what has changed. */
export function writeResult(path: string, result: Result<unknown[]>): void {
  const { figures, ...rest } = result;
  const head = JSON.stringify(rest, null, 2).replace(/\n}$/, "");
  const lines = figures.map((figure) => `    ${JSON.stringify(figure)}`).join(",\n");
  writeFileSync(path, `${head},\n  "figures": [\n${lines}\n  ]\n}\n`);
}
