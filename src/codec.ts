/** How session data becomes text and comes back: the codec's shape, and strict JSON, the default one. */

import { SessionError } from "./errors.ts";

/**
 * Turns session data into text and back. What `encode` accepts, `decode` must give back equal.
 *
 * @example
 * ```ts
 * import { type Codec, createSessions } from "@sojourn/session";
 * import { MemoryStore } from "@sojourn/session/memory";
 *
 * const dates: Codec = {
 *   encode: (data) => JSON.stringify(data, function (key) {
 *     const value = this[key];
 *     return value instanceof Date ? { $date: value.getTime() } : value;
 *   }),
 *   decode: (text) => JSON.parse(text, (_, value) => value?.$date === undefined ? value : new Date(value.$date)),
 * };
 * const secrets = [crypto.getRandomValues(new Uint8Array(32))];
 * createSessions({ store: new MemoryStore(), secrets, codec: dates });
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

function refuse(path: string, why: string): never {
  throw new SessionError("ERR_SERIALIZE", `Cannot store the value at "${path}": ${why}`);
}

const isName = /^[A-Za-z_$][\w$]*$/;
const step = (path: string, key: string) =>
  isName.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;

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

/** Whether parsed data nests deeper than `encode` allows; looked at only when the text has brackets enough for it. */
function isTooDeep(text: string, data: object): boolean {
  if (text.length <= 2 * maxDepth) return false;
  let brackets = 0;
  for (const bracket of "[{") {
    for (
      let at = text.indexOf(bracket);
      at >= 0 && brackets <= maxDepth;
      at = text.indexOf(bracket, at + 1)
    ) {
      brackets++;
    }
  }
  if (brackets <= maxDepth) return false;
  const inside = (value: object) =>
    Object.values(value).filter((item) => typeof item === "object" && item !== null);
  let level: object[] = inside(data);
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > maxDepth) return true;
    level = level.flatMap(inside);
  }
  return false;
}

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
      for (const key of Object.keys(data)) {
        if (check(data[key], isName.test(key) ? key : JSON.stringify(key), [])) negativeZero = true;
      }
      return negativeZero ? stringifyWithNegativeZero(data) : JSON.stringify(data);
    } catch (error) {
      if (error instanceof SessionError) throw error;
      throw new SessionError("ERR_SERIALIZE", "Cannot store a value that throws while it is read");
    }
  },
  decode(text) {
    const data = JSON.parse(text);
    if (typeof data !== "object" || data === null || Array.isArray(data) || isTooDeep(text, data)) {
      throw new SessionError("ERR_DAMAGED", "Stored session data is not an object of at most 64 levels");
    }
    return data;
  },
};
