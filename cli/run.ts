/** Runs one command: arguments in, text and an exit code out. */

import { type Given, readArguments } from "./arguments.ts";
import { clearsessions } from "./clearsessions.ts";
import type { Command } from "./command.ts";
import { doctor } from "./doctor.ts";
import { exit, type Io, UsageError } from "./io.ts";
import { importDjango } from "./import_django.ts";
import { list } from "./list.ts";
import { revoke } from "./revoke.ts";
import { secret } from "./secret.ts";
import { stats } from "./stats.ts";
import { json, plain, wrap } from "./text.ts";
import { trouble } from "./trouble.ts";

const commands: Readonly<Record<string, Command>> = {
  clearsessions,
  stats,
  list,
  revoke,
  secret,
  doctor,
  "import-django": importDjango,
};

const notes = {
  store: "STORE is sqlite:PATH, file:PATH, redis://HOST:PORT or kv:PATH",
  table: "  --table NAME    the table, if it is not the store's default (sqlite:)",
  prefix: "  --prefix TEXT   the prefix, if it is not the store's default (redis:, kv:)",
  json: "  --json          one line of JSON in place of text",
  help: "  --help          this",
};
const codes = `
Exit codes: 0 done, 1 done with warnings, nothing to revoke or rows left
out, 2 wrong arguments, 3 the store failed or the doctor found errors
`;

/** The forms of one command. */
function formsOf(name: string, { usage }: Command): string[] {
  return usage.map((form) => `${name} ${form}`.trimEnd());
}

/** The usage of one command. */
function usageOf(name: string, command: Command): string {
  const { summary, positionals } = command;
  const { json, help, ...store } = notes;
  const options = [...(positionals.length > 0 ? Object.values(store) : []), json, help];
  return `Usage: ${formsOf(name, command).join("\n       ")}\n\n${name} ${summary}\n\n${
    options.join("\n")
  }\n`;
}

/** The usage of all. */
function usage(): string {
  const lines = Object.entries(commands).map(([name, command]) =>
    `${formsOf(name, command).map((form) => `  ${form}`).join("\n")}\n      ${command.summary}`
  );
  return `Usage: COMMAND [STORE] [options]\n\n${lines.join("\n")}\n\n${
    Object.values(notes).join("\n")
  }\n${codes}`;
}

/**
 * Runs one command of the command line and resolves to its exit code. It never throws, and reads only its parameters.
 *
 * @example
 * ```ts
 * import { run } from "@sojourn/session/cli";
 * import assert from "node:assert/strict";
 *
 * let out = "";
 * const code = await run(["secret", "--json"], {
 *   out: (text) => out += text,
 *   err: () => {},
 *   isTerminal: false,
 *   columns: 80,
 *   colours: false,
 *   now: () => Date.now(),
 *   env: () => undefined,
 * });
 * assert.equal(code, 0);
 * assert.equal(JSON.parse(out).secret.length, 43);
 * ```
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [name = "", ...rest] = args;
  if (/^(-h|--help|help)$/.test(name)) {
    io.out(usage());
    return exit.done;
  }
  const isJson = args.includes("--json");
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) return refuse(io, isJson, unknown(name), Object.keys(commands), usage());
  if (rest.includes("--help") || rest.includes("-h")) {
    io.out(usageOf(name, command));
    return exit.done;
  }
  try {
    const given: Given = readArguments(rest, {
      positionals: command.positionals,
      options: { ...command.options, json: "flag" },
    });
    return await command.run(given, io);
  } catch (error) {
    if (error instanceof UsageError) {
      const message = `Cannot run ${name}: ${plain(error.message)}`;
      return refuse(io, isJson, message, formsOf(name, command), usageOf(name, command));
    }
    const { code, message } = trouble(error);
    io.err(isJson ? json({ error: { code, message } }) : `${wrap(message, io.columns, 0)}\n`);
    return exit.failed;
  }
}

/** Prints what is wrong with the arguments, and the usage. */
function refuse(io: Io, isJson: boolean, message: string, forms: readonly string[], text: string): number {
  const error = { code: "ERR_USAGE", message, usage: forms };
  io.err(isJson ? json({ error }) : `${wrap(message, io.columns, 0)}\n\n${text}`);
  return exit.usage;
}

/** The message for an unknown command. It repeats only a plain word, which ids and passwords rarely are. */
function unknown(name: string): string {
  if (name === "" || name.startsWith("-")) return "A command is missing";
  return /^[a-z-]{1,20}$/i.test(name) ? `There is no command "${name}"` : "There is no such command";
}
