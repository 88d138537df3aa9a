/** One check and one grammar of messages for whatever takes options. */

import { type Kind, plainObject } from "./option_kinds.ts";

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
