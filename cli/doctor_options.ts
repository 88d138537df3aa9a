/** The checks of `doctor` for options of `createSessions` and for secrets. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { resolveOptions } from "../src/options.ts";
import type { SessionsOptions } from "../src/options.ts";
import { type Finding, finding } from "./finding.ts";
import { UsageError } from "./io.ts";
import { count } from "./text.ts";

/** The options as they were read, not validated yet. */
type Options = Partial<SessionsOptions<never>>;

/** Stands in for the store if the options have none. */
const noStore = {
  load() {},
  create() {},
  save() {},
  delete() {},
} as unknown as SessionsOptions["store"];

/** The options in a JSON file, or those that a module exports as `options` or by default. */
export async function readOptionsFile(path: string): Promise<Options> {
  let found: unknown;
  try {
    if (path.endsWith(".json")) found = JSON.parse(readFileSync(path, "utf8"));
    else {
      const module = await import(pathToFileURL(resolve(path)).href);
      found = module.options ?? module.default;
    }
  } catch {
    throw new UsageError("--options must be a JSON file, or a module, that can be read");
  }
  if (typeof found !== "object" || found === null) {
    throw new UsageError("--options must hold an object: as JSON, or exported as options or by default");
  }
  return found;
}

/** Checks options, and closes their store. */
export async function examineOptions(options: Options): Promise<Finding[]> {
  const { secrets, store = noStore, cookie = {} } = options;
  const random = [crypto.getRandomValues(new Uint8Array(32))];
  const findings: Finding[] = [];
  try {
    resolveOptions({ ...options, store, secrets: random });
    findings.push(finding("options", "ok", "createSessions takes the options"));
  } catch (error) {
    findings.push(finding("options", "error", (error as Error).message));
    return findings;
  } finally {
    await (store as { close?(): unknown }).close?.();
  }
  if (secrets !== undefined) findings.push(...examineSecrets(secrets));
  findings.push(...examineCookie(cookie));
  const isEndless = options.absoluteAge === null;
  findings.push(
    isEndless
      ? finding("ages", "warning", "absoluteAge is null: a stolen cookie works for as long as it is used")
      : finding("ages", "ok", "every session ends some day"),
  );
  return findings;
}

function examineCookie({ name = "__Host-sid", secure = true, sameSite = "Lax", domain }: NonNullable<
  Options["cookie"]
>): Finding[] {
  const wrong: string[] = [];
  if (!secure) wrong.push("the cookie is not secure: anybody on the way can read it (fine for development)");
  else if (!/^__(Host|Secure)-/.test(name)) {
    wrong.push("the cookie's name has no __Host- prefix: other hosts of the domain can plant one");
  }
  if (domain !== undefined) wrong.push("the cookie has a domain: every host below it gets the sessions");
  if (sameSite === "None") wrong.push('sameSite is "None": other sites can send requests with the session');
  return wrong.length === 0
    ? [finding("cookie", "ok", "the cookie is secure")]
    : wrong.map((message) => finding("cookie", "warning", message));
}

function examineSecrets(secrets: unknown): Finding[] {
  if (!Array.isArray(secrets) || secrets.length === 0) {
    return [finding("secret", "error", "secrets must be an array of at least one secret")];
  }
  return secrets.map((secret, index) => examineSecret(secret, `secrets[${index}]`));
}

/** Checks a secret, without showing any of it. */
export function examineSecret(secret: unknown, name: string): Finding {
  if (secret === undefined || secret === "") return finding("secret", "error", `${name} is missing`);
  try {
    resolveOptions({ store: noStore, secrets: [secret as string] });
  } catch (error) {
    const [, reason = "must be random"] = /secrets\[0\] ([^;:]+)/.exec((error as Error).message) ?? [];
    return finding("secret", "error", `${name} ${reason}: make one with the command secret`);
  }
  const weakness = weaknessOf(secret as string | Uint8Array);
  return weakness === undefined
    ? finding("secret", "ok", `${name} looks random`)
    : finding("secret", "warning", `${name} ${weakness}: make one with the command secret`);
}

/** Detects texts that random secrets practically never match. */
function weaknessOf(secret: string | Uint8Array): string | undefined {
  const text = typeof secret === "string" ? secret.trim() : Buffer.from(secret).toString("latin1");
  const distinct = new Set(text).size;
  if (distinct < 10) return `has only ${count(distinct, "different character")}`;
  if ((text + text).indexOf(text, 1) < text.length) return "repeats itself";
  const steps = [...text].filter((_, i) =>
    i > 0 && Math.abs(text.charCodeAt(i) - text.charCodeAt(i - 1)) === 1
  );
  if (steps.length > text.length / 2) return "is a sequence";
  if (typeof secret === "string" && /^[a-z]+(?:[ _.-][a-z]+)*\d{0,4}[.!?]?$/.test(text)) {
    return "looks like words";
  }
  return undefined;
}
