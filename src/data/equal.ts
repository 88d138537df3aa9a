/** Whether a codec gives a value back equal, and if not, where it differs. */

import { step } from "../codec.ts";

/** A place inside a value, and what came back there. */
export interface Difference {
  readonly path: string;
  readonly why: string;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** What something is, without what it holds: messages show no data. */
function nameOf(value: unknown): string {
  if (!isObject(value)) return value === null ? "null" : typeof value;
  return (Object.getPrototypeOf(value) ?? Object.prototype).constructor?.name || "class instance";
}

function differ(before: unknown, after: unknown, path: string): Difference {
  const [was, is] = [nameOf(before), nameOf(after)];
  return {
    path,
    why: `the codec gives it back as ${was === is ? `another ${is}` : `${is}, not as ${was}`}`,
  };
}

/** What became of a place that is there no more. */
export const leftOut = (path: string): Difference => ({ path, why: "the codec leaves it out" });

/** What kind of object it is: one without prototype is as good as a plain one, and a Buffer as a Uint8Array. */
function kindOf(value: object): unknown {
  return ArrayBuffer.isView(value)
    ? Object.prototype.toString.call(value)
    : Object.getPrototypeOf(value) ?? Object.prototype;
}

function bytesOf(value: object): Uint8Array | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : undefined;
}

/** What an object says of what it keeps out of sight, as instants, patterns, addresses and boxed values do. */
const told = (value: object) => value instanceof Date ? value.getTime() : String(value);

/** The members to compare: all of a plain object or array, which have nothing to hide. */
function membersOf(value: object, isPlain: boolean): readonly PropertyKey[] {
  if (isPlain) return Reflect.ownKeys(value);
  return value instanceof Error ? [...Object.keys(value), "name", "message", "cause"] : Object.keys(value);
}

/** The first difference between a value and what came back for it; `undefined` if they are equal. */
export function difference(
  before: unknown,
  after: unknown,
  path: string,
  seen: Map<object, object> = new Map(),
): Difference | undefined {
  const found = () => differ(before, after, path);
  if (!isObject(before) || !isObject(after)) {
    return Object.is(before, after) && typeof before !== "function" ? undefined : found();
  }
  if (seen.get(before) === after) return undefined;
  seen.set(before, after);
  if (kindOf(before) !== kindOf(after)) return found();
  const bytes = bytesOf(before);
  if (bytes !== undefined) {
    const others = bytesOf(after)!;
    return bytes.length === others.length && bytes.every((byte, i) => byte === others[i])
      ? undefined
      : found();
  }
  const isPlain = Array.isArray(before) || kindOf(before) === Object.prototype;
  if (!isPlain && !Object.is(told(before), told(after))) return found();
  const entries = entriesOf(before);
  if (entries !== undefined) {
    const inside = ofEntries(entries, entriesOf(after)!, path, seen);
    if (inside !== undefined) return inside;
  }
  const members = membersOf(before, isPlain);
  if (members.length !== membersOf(after, isPlain).length) {
    const lost = members.find((key) => !Object.hasOwn(after, key));
    return lost === undefined ? found() : leftOut(at(before, path, lost));
  }
  for (const key of members) {
    const inside = difference(memberOf(before, key), memberOf(after, key), at(before, path, key), seen);
    if (inside !== undefined) return inside;
    if (Object.hasOwn(before, key) && !Object.hasOwn(after, key)) return found();
  }
  return undefined;
}

const memberOf = (value: object, key: PropertyKey) => (value as Record<PropertyKey, unknown>)[key];

const at = (value: object, path: string, key: PropertyKey) =>
  Array.isArray(value) ? `${path}[${String(key)}]` : step(path, String(key));

function entriesOf(value: object): Map<unknown, unknown> | undefined {
  if (value instanceof Map) return value;
  return value instanceof Set ? new Map(Array.from(value, (item) => [item, item])) : undefined;
}

/** By their keys, in any order; keys that are objects by their place among themselves. */
function ofEntries(
  before: Map<unknown, unknown>,
  after: Map<unknown, unknown>,
  path: string,
  seen: Map<object, object>,
): Difference | undefined {
  const objects = [...after.keys()].filter(isObject).values();
  for (const [key, value] of before) {
    const other: unknown = isObject(key) ? objects.next().value : key;
    const name = isObject(key) ? "…" : typeof key === "string" ? JSON.stringify(key) : String(key);
    const place = `${path}.get(${name})`;
    if (!after.has(other)) return leftOut(place);
    const inside = difference(key, other, place, seen) ?? difference(value, after.get(other), place, seen);
    if (inside !== undefined) return inside;
  }
  return before.size === after.size ? undefined : differ(before, after, path);
}
