/** What tests of the commands of a `RedisStore` share. */

import { crc32 } from "node:zlib";
import { RedisStore } from "../../../backends/redis.ts";
import { write, writtenInstants } from "../../../backends/redis/record.ts";
import type { SessionRecord } from "../../../src/store.ts";
import { shaped } from "./clients.ts";
import { stored } from "./text.ts";
import { type Answer, answering, type Asked } from "./script_rig.ts";

/** What the time is, by the clock of the stores. */
export const now = 1000;
/** A record of nobody. */
export const record: SessionRecord = { data: "{}", createdAt: 1, touchedAt: 2, expiresAt: 5000.5 };
/** A record of a user. */
export const mine: SessionRecord & { readonly userId: string } = {
  ...record,
  head: "head",
  userId: "ann",
};
/** What a list shows of it. */
export const mineListed: object = (({ data: _, ...rest }) => rest)(mine);
/** A storage key, named by one letter in `steps`. */
export const keyOf = (letter: string): string => letter.repeat(64);
/** The key of most tests, `k` in `steps`. */
export const k: string = keyOf("k");
/** The name of that user's index. */
export const anns = 'p:user:"ann"';

/** A store over a function that answers scripts; `steps` are what it was asked. */
export function storeOf(
  answer: Answer,
  cluster = false,
): { store: RedisStore; log: Asked[]; steps: () => string[] } {
  const { send, log } = answering(answer);
  const store = new RedisStore(shaped(send), { prefix: "p:", cluster, now: () => now });
  const steps = () =>
    log.map(({ script, command, keys }) => `${script || command} ${keys}`.replaceAll(/(\w)\1{63}/g, "$1"));
  return { store, log, steps };
}

/** The parts and the user of a record, as the scripts are given them. */
export function parts(
  one: SessionRecord,
  version: string,
  key: string = k,
): [front: string, middle: string, back: string, user: string] {
  const { front, middle, back, user } = write(key, one, version);
  return [front, middle, back, user];
}

/** What a touch is given beyond the version: instants, their text, the sum of the key, and what is left of the life. */
export function moved(touchedAt: number, expiresAt: number, life: string, key: string = k): string[] {
  return [
    String(touchedAt),
    String(expiresAt),
    writtenInstants(key, touchedAt, expiresAt),
    String(crc32(key)),
    life,
  ];
}

/** A version. */
export const v: string = "v".repeat(34);

/** The text of a record at version `v`, as the server keeps it. */
export function textOf(key: string = k, one: SessionRecord = mine): string {
  return stored(write(key, one, v));
}

/** What a mark of a removed record is. */
export const mark: string = `x ${v},`;
/** `expiresAt` of these records, as a save is given it. */
export const ends: string = "5000.5".padStart(24);

/** Answers by the name of the script, in turn where there are several. */
export function inTurn(answers: Record<string, unknown[][]>): Answer {
  return ({ script }) => {
    const [next] = answers[script]!;
    if (answers[script]!.length > 1) answers[script]!.shift();
    return next;
  };
}
