/** Parses the arguments. Error messages never repeat a value. */

import { parseArgs } from "node:util";
import { UsageError } from "./io.ts";
import { count } from "./text.ts";

/** The arguments of a command. */
export interface Syntax {
  /** The names of its positional arguments; one that ends in "?" may be left out. */
  readonly positionals: readonly string[];
  /** Its options: whether each takes a value. */
  readonly options: Readonly<Record<string, "value" | "flag">>;
}

/** The parsed arguments. */
export interface Given {
  /** The positional arguments, by name without "?". */
  readonly positionals: Readonly<Record<string, string | undefined>>;
  /** The values of options. */
  readonly values: Readonly<Record<string, string | undefined>>;
  /** The flags that are set. */
  readonly flags: ReadonlySet<string>;
}

/**
 * Parses `args`.
 *
 * @throws {UsageError} If they are invalid.
 */
export function readArguments(args: readonly string[], syntax: Syntax): Given {
  const options = Object.fromEntries(
    Object.entries(syntax.options).map((
      [name, kind],
    ) => [name, { type: kind === "value" ? "string" as const : "boolean" as const }]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const values: Record<string, string> = {};
  const flags = new Set<string>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const { name, value } = token;
    const kind = Object.hasOwn(syntax.options, name) ? syntax.options[name] : undefined;
    if (kind === undefined) throw new UsageError(`there is no option ${token.rawName.replace(/=.*/s, "")}`);
    if (Object.hasOwn(values, name) || flags.has(name)) throw new UsageError(`--${name} is given twice`);
    if (kind === "flag") {
      if (value !== undefined) throw new UsageError(`--${name} takes no value`);
      flags.add(name);
    } else {
      if (typeof value !== "string" || value === "" || (!token.inlineValue && value.startsWith("-"))) {
        throw new UsageError(`--${name} needs a value; one that begins with "-" is written --${name}=-…`);
      }
      values[name] = value;
    }
  }
  const most = syntax.positionals.length;
  if (positionals.length > most) {
    throw new UsageError(`expected at most ${count(most, "argument")}: received ${positionals.length}`);
  }
  const named: Record<string, string | undefined> = {};
  for (const [index, name] of syntax.positionals.entries()) {
    const value = positionals[index];
    if (value === undefined && !name.endsWith("?")) throw new UsageError(`${name} is missing`);
    named[name.replace("?", "")] = value;
  }
  return { positionals: named, values, flags };
}
