/** One check and one grammar of messages for whatever takes options. No message shows a text that may be a secret. */

import type { SessionStore } from "./store.ts";

/** What a value has to be: `expected` completes "must be …". A wrong value is a `TypeError`, one beyond limits a `RangeError`. */
export interface Kind {
  readonly expected: string;
  readonly problem: (value: unknown) => ErrorConstructor | undefined;
  readonly received: (value: unknown) => string;
  readonly isRequired?: boolean;
}

/** A kind: what is one, which of those are within the limits, and how another value is described. */
export function kind(
  expected: string,
  is: (value: unknown) => boolean,
  fits: (value: never) => boolean = () => true,
  received: (value: unknown) => string = typeName,
): Kind {
  const problem = (value: unknown) => !is(value) ? TypeError : fits(value as never) ? undefined : RangeError;
  return { expected, problem, received };
}

export const required = (kind: Kind): Kind => ({ ...kind, isRequired: true });
export const number = (expected: string, fits: (value: number) => boolean): Kind =>
  kind(expected, (value) => typeof value === "number", fits);
export const text = (expected = "a string", isRight: (text: string) => boolean = () => true): Kind =>
  kind(expected, (value) => typeof value === "string" && isRight(value));
export const path: Kind = text("a path", (value) => value !== "" && !value.includes("\0"));
export const flag: Kind = kind("a boolean", (value) => typeof value === "boolean");
export const callback: Kind = kind("a function", (value) => typeof value === "function");
export const clock: readonly [Kind, () => number] = [callback, () => Date.now()];
/** How long something may wait: nothing waits for more than a day. */
export const seconds: Kind = number(
  "a number of seconds, above 0 and at most 86400",
  (n) => n > 0 && n <= 86_400,
);
export const whole = (least: number, most?: number): Kind =>
  number(
    `a whole number${most === undefined ? `, ${least} or more` : ` from ${least} to ${most}`}`,
    (value) => Number.isSafeInteger(value) && value >= least && value <= (most ?? value),
  );
export const wholeOrInfinity: Kind = number(
  "a whole number, 1 or more, or Infinity",
  (value) => value === Infinity || Number.isSafeInteger(value) && value >= 1,
);
/** One of these values. Texts as short as these are shown. */
export const oneOf = (...values: readonly unknown[]): Kind =>
  kind(
    values.map((value) => JSON.stringify(value)).join(", ").replace(/, ([^,]*)$/, " or $1"),
    (value) => values.includes(value),
    undefined,
    (value) => typeof value === "string" && value.length < 16 ? JSON.stringify(value) : typeName(value),
  );
/** Something with these methods. Of `others`, those that it has are methods. */
export function having(expected: string, methods: readonly string[], others: readonly string[] = []): Kind {
  const lacks = (value: unknown) => {
    const of = (value ?? {}) as Record<string, unknown>;
    const names = [...methods, ...others.filter((name) => of[name] !== undefined)];
    return names.filter((name) => typeof of[name] !== "function");
  };
  const received = (value: unknown) => {
    const isObject = Object(value) === value && !(value instanceof Promise);
    return typeName(value) + (isObject ? ` (no method ${lacks(value).join(", ")})` : "");
  };
  return kind(expected, (value) => lacks(value).length === 0, undefined, received);
}
/** With nothing inherited, which would be taken for an option or ignored in silence. */
export const plainObject: Kind = kind("a plain object", (value) => {
  const prototype = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : undefined;
  return prototype === null || prototype !== undefined && Object.hasOwn(prototype, "isPrototypeOf");
});
const storeMethods = ["load", "create", "save", "delete"];
const optionalMethods = ["touch", "clearExpired", "list", "version", "onEvict", "close"];
export const store: Kind = having("a session store", storeMethods, optionalMethods);
export const isStore = (value: unknown): value is SessionStore => store.problem(value) === undefined;

/** What a value is, without its content. */
export function typeName(value: unknown): string {
  if (value === null || ["undefined", "boolean", "number"].includes(typeof value)) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  if (value instanceof Promise) return "a promise (await it)";
  return value === "" ? "an empty string" : `${typeof value === "object" ? "an" : "a"} ${typeof value}`;
}

/** What each option has to be, and its default. The `Bare` ones have none. */
export type Table<Options, Bare extends keyof Options = never> =
  & { readonly [Name in Exclude<keyof Options, Bare>]-?: readonly [Kind, NonNullable<Options[Name]> | null] }
  & { readonly [Name in Bare]-?: readonly [Kind] };

/** Options with their defaults. */
export type Checked<Options, Bare extends keyof Options = never> =
  & Required<Omit<Options, Bare>>
  & Pick<Options, Bare>;

/** The form of every refusal. `by` is who refuses. */
export function refuse(
  by: string,
  must: string,
  received: string,
  problem: ErrorConstructor = TypeError,
): never {
  throw new problem(`${by}: ${must}: received ${received}`);
}

/** Checks one value. @throws {TypeError} If it is of another kind. @throws {RangeError} If it is out of range. */
export function check(by: string, name: string, kind: Kind, value: unknown): void {
  const problem = kind.problem(value);
  if (problem !== undefined) refuse(by, `${name} must be ${kind.expected}`, kind.received(value), problem);
}

/**
 * A copy of options, each read once, with defaults for those that are `undefined`. `of` is the option that these are part of.
 *
 * @throws {TypeError} If an option is unknown, missing or of another kind.
 * @throws {RangeError} If an option is out of range.
 */
export function checkOptions<Options extends object, Bare extends keyof Options = never>(
  by: string,
  table: Table<Options, Bare>,
  given: Options,
  of?: string,
): Checked<Options, Bare> {
  check(by, of ?? "options", plainObject, given);
  const full = (name: string) => of === undefined ? name : `${of}.${name}`;
  const known = Object.keys(table);
  for (const name of Object.keys(given).filter((name) => !known.includes(name))) {
    const near = nearest(name, known);
    const hint = near === undefined ? "" : ` (did you mean "${full(near)}"?)`;
    const shown = JSON.stringify(full(name.slice(0, 80)));
    throw new TypeError(
      `${by}: unknown option ${shown}${hint}; known options: ${known.map(full).join(", ")}`,
    );
  }
  const options: Record<string, unknown> = Object.create(null);
  for (const [name, [kind, otherwise]] of Object.entries<readonly [Kind, unknown?]>(table)) {
    const value: unknown = Object.hasOwn(given, name) ? given[name as keyof Options] : undefined;
    if (value !== undefined || kind.isRequired) check(by, full(name), kind, value);
    const chosen = value === undefined ? otherwise : value;
    if (chosen !== undefined) options[name] = chosen;
  }
  return options as Checked<Options, Bare>;
}

/** The name that is spelled like this one, but for case, signs and two letters; in short names one. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const letters = (name: string) => name.slice(0, 80).toLowerCase().replace(/[^a-z0-9]/g, "");
  const slips = [0, 1, 2].filter((slips) => 3 * slips <= letters(name).length);
  return slips.flatMap((slips) => known.filter((one) => isNear(letters(name), letters(one), slips)))[0];
}

/** Whether at most so many letters differ, are missing or too many. */
function isNear(name: string, other: string, slips: number): boolean {
  if (name === other || slips < 0) return slips >= 0;
  const [rest, otherRest] = [name.slice(1), other.slice(1)];
  if (name[0] === other[0]) return isNear(rest, otherRest, slips);
  return [[rest, otherRest], [rest, other], [name, otherRest]].some(([a, b]) => isNear(a!, b!, slips - 1));
}
