/** Moves the instants of a row, but none that damage has changed: a new sum would make that valid. */

import { instantsSum } from "../support/checksum.ts";
import type { Statements } from "./connection.ts";
import { overtaken } from "./errors.ts";
import { damaged, readInstants } from "./rows.ts";

/** What a touch found: whether there is such a row, or damage. That is no error yet, as one would undo the writes of the same transaction. */
export type Touched = boolean | "damaged";

/** Moves both instants forward, each unless it is later already. */
export function touch(
  statements: Statements,
  key: string,
  touchedAt: number,
  expiresAt: number,
  version: string,
): Touched {
  const row = statements.instants.get(key, version) ?? undefined; // Bun says null
  if (row === undefined) return false;
  const before = readInstants(key, row);
  if (before === undefined) return "damaged";
  const [touched, expires] = [Math.max(before[0], touchedAt), Math.max(before[1], expiresAt)];
  if (touched === before[0] && expires === before[1]) return true;
  const sum = instantsSum(key, touched, expires);
  if (statements.touch.run(touched, expires, sum, key, version, ...before).changes > 0) return true;
  throw overtaken();
}

/** The answer to whoever has asked for it. @throws {SessionError} `ERR_DAMAGED` */
export function touched(answer: Touched): boolean {
  if (answer === "damaged") throw damaged();
  return answer;
}
