/** The third-party vectors of `../shared/vectors` or `/work/shared/vectors`. They are not part of the checkout. */

import { existsSync, readFileSync } from "node:fs";
import { it } from "node:test";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Where they are, if they are. */
export const vectorFolder: string | undefined = [
  fileURLToPath(new URL("../../../shared/vectors", import.meta.url)),
  "/work/shared/vectors",
]
  .find((path) => existsSync(path));

/** The content of a file. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(`${vectorFolder}/${name}`, "utf8"));
}

/**
 * A test over vectors. Where the folder is missing it is skipped; on CI, where it can never be and where a skipped test counts
 * as a failure, it is left out.
 */
export function itWithVectors(name: string, run: () => void | Promise<void>): void {
  if (vectorFolder !== undefined) it(name, run);
  else if (!process.env["SOJOURN_CI"]) {
    it(name, { skip: "not on this runtime: no folder shared/vectors" }, run);
  }
}

/** A case of `cookies.json`, `request`. */
export interface RequestCase {
  readonly id: string;
  readonly cookie: string;
  readonly pairs: readonly (readonly [string, string])[];
  readonly forgery?: boolean;
  readonly session?: {
    readonly candidates: "none" | "one" | "several" | "tooMany";
    readonly wellFormed: readonly string[];
  };
}

/** A case of `cookies.json`, `write`. */
export interface WriteCase {
  readonly id: string;
  readonly input: {
    readonly name: string;
    readonly value: string;
    readonly path: string;
    readonly domain?: string;
    readonly secure: boolean;
    readonly httpOnly: boolean;
    readonly sameSite: "Lax";
    readonly partitioned?: boolean;
    readonly maxAge?: number;
    readonly expires?: number;
  };
  readonly expect: "error" | { readonly pair: string; readonly attributes: readonly string[] };
}

/** `cookies.json`. */
export interface CookieVectors {
  readonly request: readonly RequestCase[];
  readonly splitFields: readonly {
    readonly id: string;
    readonly fields: readonly string[];
    readonly joined: string;
  }[];
  readonly write: readonly WriteCase[];
}

/** A Wycheproof file. */
export interface Wycheproof<T> {
  readonly testGroups: readonly {
    readonly tagSize: number;
    readonly tests: readonly (T & { readonly result: string; readonly tcId: number })[];
  }[];
}
