/** Session data, and how it becomes text and comes back: the codec's shape, and strict JSON, the default one. */

import { SessionError } from "./errors.ts";

/** Session data without a type of its own: any keys, any values that the codec carries. */
export type SessionData = Record<string, any>; // any: untyped sessions hold whatever the caller puts in, as in Django

/** The names of the values. */
export type SessionKey<Data> = keyof Data & string;

/**
 * Turns session data into text and back. What `encode` accepts, `decode` must give back equal: a value that does not come back equal is
 * refused when it is set, with `ERR_SERIALIZE` and where in it that is. Objects, arrays, maps and sets are compared by what they hold.
 *
 * @example
 * ```ts
 * import { type Codec, createSessions } from "@sojourn/session";
 * import { MemoryStore } from "@sojourn/session/memory";
 * import assert from "node:assert/strict";
 *
 * const dates: Codec = {
 *   encode: (data) => JSON.stringify(data, function (key) {
 *     const value = this[key];
 *     return value instanceof Date ? { $date: value.getTime() } : value;
 *   }),
 *   decode: (text) => JSON.parse(text, (_, value) => value?.$date === undefined ? value : new Date(value.$date)),
 * };
 * const secrets = [crypto.getRandomValues(new Uint8Array(32))];
 * const session = await createSessions({ store: new MemoryStore(), secrets, codec: dates }).open();
 * session.set("since", new Date());
 * assert.throws(() => session.set("seen", new Map()), /"seen": the codec gives it back as Object, not as Map/);
 * ```
 */
export interface Codec {
  /** The data as text. Throws when a value cannot be carried. */
  encode(data: Record<string, unknown>): string;
  /** The data of a text that `encode` made. Throws on any other text. */
  decode(text: string): Record<string, unknown>;
}

/** The deepest nesting that session data may have. */
const maxDepth = 64;

/** @throws {SessionError} `ERR_SERIALIZE`. */
export function refuse(path: string, why: string): never {
  throw new SessionError("ERR_SERIALIZE", `Cannot store the value at "${path}": ${why}`);
}

const isName = /^[A-Za-z_$][\w$]*$/;

/** The path of a value of the session. */
export const rootOf = (key: string): string => isName.test(key) ? key : JSON.stringify(key);

/** The path of a member of the value at a path. */
export const step = (path: string, key: string): string =>
  isName.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;

/**
 * Whether `JSON.stringify` gives a value back equal: the quick look that nearly all data passes. If not, `check` tells why, or
 * finds a -0.
 */
function isPlain(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth === maxDepth) return false;
  const prototype = Object.getPrototypeOf(value);
  const hidden = Reflect.ownKeys(value).length;
  if (Array.isArray(value)) {
    if (prototype !== Array.prototype || hidden !== value.length + 1) return false;
    for (const item of value) if (!isPlain(item, depth + 1)) return false;
    return true;
  }
  const keys = Object.keys(value);
  if (prototype !== Object.prototype && prototype !== null || hidden !== keys.length) return false;
  for (const key of keys) if (!isPlain((value as Record<string, unknown>)[key], depth + 1)) return false;
  return true;
}

/** Refuses what JSON would drop or change; tells whether there is a -0, which `JSON.stringify` writes as 0. */
function check(value: unknown, path: string, above: object[]): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return false;
    case "number":
      if (!Number.isFinite(value)) refuse(path, `${value} is not a finite number`);
      return Object.is(value, -0);
    case "object":
      if (value === null) return false;
      break;
    default:
      refuse(path, `JSON has no ${typeof value}`);
  }
  if (above.includes(value)) refuse(path, "it contains itself");
  if (above.length === maxDepth) refuse(path, `it is nested deeper than ${maxDepth} levels`);
  above.push(value);
  let negativeZero = false;
  const hidden = Reflect.ownKeys(value).length;
  if (Array.isArray(value)) {
    if (Object.getPrototypeOf(value) !== Array.prototype) refuse(path, "it is not a plain array");
    if (hidden !== value.length + 1) refuse(path, "the array is sparse or has properties of its own");
    for (let i = 0; i < value.length; i++) {
      if (check(value[i], `${path}[${i}]`, above)) negativeZero = true;
    }
  } else {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      const hint = value instanceof Date ? "; store getTime() or toISOString()" : "";
      refuse(path, `it is a ${prototype.constructor?.name || "class instance"}, not a plain object${hint}`);
    }
    const keys = Object.keys(value);
    if (hidden !== keys.length) refuse(path, "it has symbol keys or hidden properties");
    for (const key of keys) {
      if (check((value as Record<string, unknown>)[key], step(path, key), above)) negativeZero = true;
    }
  }
  above.pop();
  return negativeZero;
}

/** Whether something of an object or array lies deeper than so many levels below it. */
function isDeeper(value: Record<string, unknown>, levels: number): boolean {
  if (Array.isArray(value)) {
    for (const item of value) if (isObject(item) && (levels === 0 || isDeeper(item, levels - 1))) return true;
    return false;
  }
  for (const item of Object.values(value)) {
    if (isObject(item) && (levels === 0 || isDeeper(item, levels - 1))) return true;
  }
  return false;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** `JSON.stringify`, except that -0 stays -0, as `JSON.parse` understands it. */
function stringifyWithNegativeZero(value: unknown): string {
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(stringifyWithNegativeZero).join()}]`;
  const members = Object.entries(value);
  return `{${
    members.map(([key, item]) => `${JSON.stringify(key)}:${stringifyWithNegativeZero(item)}`).join()
  }}`;
}

/**
 * JSON that refuses what it cannot give back equal: dates, maps, class instances, `undefined` inside, `NaN`, sparse
 * arrays, cycles, anything nested deeper than 64 levels. Nothing is dropped or changed in silence.
 */
export const strictJson: Codec = {
  encode(data) {
    let negativeZero = false;
    try {
      const keys = Object.keys(data);
      if (keys.every((key) => isPlain(data[key], 0))) return JSON.stringify(data);
      for (const key of keys) {
        if (check(data[key], rootOf(key), [])) negativeZero = true;
      }
      return negativeZero ? stringifyWithNegativeZero(data) : JSON.stringify(data);
    } catch (error) {
      if (error instanceof SessionError) throw error;
      throw new SessionError("ERR_SERIALIZE", "Cannot store a value that throws while it is read");
    }
  },
  decode(text) {
    const data = JSON.parse(text);
    const isDeep = text.length > 2 * maxDepth && isObject(data) && isDeeper(data, maxDepth);
    if (!isObject(data) || Array.isArray(data) || isDeep) {
      throw new SessionError("ERR_DAMAGED", "Stored session data is not an object of at most 64 levels");
    }
    return data;
  },
};
