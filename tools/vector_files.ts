/** Published vectors, run against the platform's primitives with exactly the parameters the library uses. */

import { readdirSync, readFileSync } from "node:fs";

/** What came of one file. */
export interface Verdict {
  readonly file: string;
  /** Cases that gave what the file says. */
  readonly good: number;
  /** Cases that did not, by the file's own number for them. */
  readonly bad: readonly string[];
  /** Cases for what the library never does: other lengths of IV and tag, other keys, other algorithms. */
  readonly apart: number;
}

/** A case: its number, and whether it came out as published; `undefined` for what the library never does. */
type Case = readonly [id: string, run: (() => Promise<boolean>) | undefined];
type Fields = Readonly<Record<string, string | number | undefined>>;

const bytes = (hex: unknown): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(String(hex ?? "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hexOf = (buffer: ArrayBuffer): string =>
  Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** HMAC-SHA-256 (`src/crypto/signer.ts`). */
export async function hmac(key: string, message: string): Promise<string> {
  const imported = await crypto.subtle.importKey(
    "raw",
    bytes(key),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  return hexOf(await crypto.subtle.sign("HMAC", imported, bytes(message)));
}

/** HKDF-SHA-256 (`src/crypto/signer.ts`, `src/crypto/sealer.ts`). */
export async function hkdf(secret: string, salt: string, info: string, length: number): Promise<string> {
  const key = await crypto.subtle.importKey("raw", bytes(secret), "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: bytes(salt), info: bytes(info) };
  return hexOf(await crypto.subtle.deriveBits(parameters, key, length * 8));
}

/** AES-256-GCM with a tag of 128 bits (`src/crypto/sealer.ts`); opening gives `undefined` for what is forged. */
async function gcm(use: "encrypt" | "decrypt", key: string, iv: string, aad: string, input: string) {
  const imported = await crypto.subtle.importKey("raw", bytes(key), "AES-GCM", false, [use]);
  const parameters = { name: "AES-GCM", iv: bytes(iv), additionalData: bytes(aad), tagLength: 128 };
  return await crypto.subtle[use](parameters, imported, bytes(input)).then(hexOf, () => undefined);
}

const valid = (result: unknown) => result === "valid" || result === "acceptable";

function hmacCase(key: string, message: string, tag: string, isValid: boolean): Case[1] {
  if (key === "") return undefined; // WebCrypto refuses an empty key, and the library derives 32 bytes
  return async () => (await hmac(key, message)).startsWith(tag) === isValid;
}

function gcmCase(
  key: string,
  iv: string,
  aad: string,
  text: string,
  sealed: string,
  isValid: boolean,
): Case[1] {
  if (key.length !== 64 || iv.length !== 24) return undefined;
  return async () => {
    const opened = await gcm("decrypt", key, iv, aad, sealed);
    if (!isValid) return opened === undefined;
    return opened === text && await gcm("encrypt", key, iv, aad, text) === sealed;
  };
}

/** The cases of a Wycheproof file. */
function wycheproof({ algorithm, testGroups = [] }: {
  readonly algorithm?: string;
  readonly testGroups?: readonly (Fields & { readonly tests: readonly Record<string, string>[] })[];
}): Case[] {
  return testGroups.flatMap(({ tests, tagSize }) =>
    tests.map((one): Case => {
      const text = (name: string) => one[name] ?? "";
      const isValid = valid(one["result"]);
      switch (algorithm) {
        case "AES-GCM": {
          const run = gcmCase(
            text("key"),
            text("iv"),
            text("aad"),
            text("msg"),
            text("ct") + text("tag"),
            isValid,
          );
          return [text("tcId"), tagSize === 128 ? run : undefined];
        }
        case "HMACSHA256":
          return [text("tcId"), hmacCase(text("key"), text("msg"), text("tag"), isValid)];
        case "HKDF-SHA-256":
          return [text("tcId"), async () => {
            const made = await hkdf(text("ikm"), text("salt"), text("info"), Number(one["size"])).catch(() =>
              undefined
            );
            return isValid ? made === one["okm"] : made === undefined;
          }];
        default:
          return [text("tcId"), undefined];
      }
    })
  );
}

/** The cases of a response file of NIST's validation programs (`gcmEncryptExtIV256.rsp`, `gcmDecrypt256.rsp`, `HMAC.rsp`). */
function nist(source: string): Case[] {
  let section: Record<string, string> = {};
  let fields: Record<string, string> = {};
  const cases: Case[] = [];
  const end = () => {
    const { Count, Key = "", IV = "", AAD = "", PT, CT = "", Tag = "", Msg = "", Mac = "", FAIL } = fields;
    fields = {};
    if (Count === undefined) return;
    const id = `${Object.values(section).join("/")} ${Count}`;
    const isGcm = IV !== "" && section["Taglen"] === "128";
    const isHmac = Mac !== "" && section["L"] === "32";
    cases.push([
      id,
      isGcm
        ? gcmCase(Key, IV, AAD, PT ?? "", CT + Tag, FAIL === undefined)
        : isHmac
        ? hmacCase(Key, Msg, Mac, true)
        : undefined,
    ]);
  };
  for (const line of source.split(/\r?\n/)) {
    const [, bracket, name = "", value = ""] = /^(\[)?([A-Za-z]+) *=? *([^\]]*?) *\]?$/.exec(line.trim()) ??
      [];
    if (line.startsWith("#")) continue;
    if (bracket !== undefined || name === "Count") end();
    if (bracket !== undefined) section = { ...section, [name]: value };
    else if (name !== "") fields[name] = value;
  }
  end();
  return cases;
}

/** Runs every `.json` and `.rsp` file below a folder. */
export async function runVectors(folder: string): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(json|rsp)$/.test(name)
  );
  for (const file of files.sort()) {
    const source = readFileSync(`${folder}/${file}`, "utf8");
    const cases = file.endsWith(".json") ? wycheproof(JSON.parse(source)) : nist(source);
    const bad: string[] = [];
    for (const [id, run] of cases) if (run !== undefined && !await run()) bad.push(id);
    const apart = cases.filter(([, run]) => run === undefined).length;
    verdicts.push({ file, good: cases.length - apart - bad.length, bad, apart });
  }
  return verdicts;
}
