/** Words that must not show, and every way in which a value, an error or the output can show them. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import { format, inspect } from "node:util";
import { makeId } from "../../src/crypto/session_id.ts";

/** What must not show, made anew at every run, so that no runtime finds it in the source that it shows beside an error. */
export interface Canaries {
  readonly secret: Uint8Array;
  readonly words: Map<string, string>;
}

export function makeCanaries(): Canaries {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const words = new Map([["value", `canary-${makeId()}`], ["user", `user-${makeId()}`], [
    "word secret",
    makeId() + makeId(),
  ]]);
  for (const form of ["hex", "base64", "base64url"] as const) {
    words.set(`secret in ${form}`, Buffer.from(secret).toString(form));
  }
  words.set("secret as a list", Array.from(secret.subarray(0, 8)).join(", "));
  words.set("secret as JSON", Array.from(secret.subarray(0, 8)).join(","));
  return { secret, words };
}

/** Adds what a cookie holds. */
export function addToken({ words }: Canaries, token: string): void {
  words.set("id", token.slice(0, 32));
  words.set("tag", token.slice(33));
  words.set("id in hex", Buffer.from(token.slice(0, 32), "base64url").toString("hex"));
}

const showing: ((value: unknown) => string)[] = [
  String,
  (value) => JSON.stringify(value) ?? "",
  (value) => format("%s %o %j", value, value, value),
  (value) => inspect(value, { depth: 20, showHidden: true, getters: false }),
  (value) => "Deno" in globalThis ? Deno.inspect(value, { depth: 20, showHidden: true }) : "",
  (value) =>
    (globalThis as { Bun?: { inspect(value: unknown, options: object): string } }).Bun?.inspect(value, {
      depth: 20,
    }) ?? "",
];

/** Everything that can be seen of a value, errors with their stacks, causes and own properties included. */
export function shown(value: unknown): string {
  let all = "";
  for (const show of showing) {
    try {
      all += show(value);
    } catch (error) {
      all += error;
    }
  }
  if (value instanceof Error) {
    all += value.message + value.stack + JSON.stringify(value, Object.getOwnPropertyNames(value)) +
      shown(value.cause);
  }
  return all;
}

export function assertClean(value: unknown, { words }: Canaries, what: string): void {
  const text = shown(value);
  for (const [kind, word] of words) assert.ok(!text.includes(word), `the ${kind} shows in ${what}`);
}

/** Runs `work` with everything that is printed caught. */
export async function printed(work: () => Promise<void>): Promise<string> {
  let text = "";
  const names = ["log", "info", "warn", "error", "debug", "trace"] as const;
  const own = names.map((name) => console[name]);
  const writes = [process.stdout.write, process.stderr.write];
  const write = (chunk: unknown) => {
    text += chunk;
    return true;
  };
  for (const name of names) console[name] = (...args: unknown[]) => void (text += args.map(shown).join(" "));
  process.stdout.write = process.stderr.write = write;
  try {
    await work();
  } finally {
    names.forEach((name, i) => console[name] = own[i]!);
    [process.stdout.write, process.stderr.write] = writes as [
      typeof process.stdout.write,
      typeof process.stderr.write,
    ];
  }
  return text;
}
