/** Which tests have to notice a change of which file, quick ones first, and which changes change nothing, with the reason. */

/** What is known of one source file. */
export interface Subject {
  /** Parts of the names of test files, in `tests/`. */
  readonly tests: readonly string[];
  /** Mutants that no test can notice: a part of `<line>: <what>`, with the line's text in place of its number, and why. */
  readonly equivalent?: readonly (readonly [part: string, why: string])[];
}

const closerLook = "where the quick look fails, the closer one finds the same, and the text is the same";
const slowText = "a -0 that is not there: the text is the same, made more slowly";
const verifiedAgain = "what was verified before is verified again, with the same outcome";
const neverThree = "a quick look: UTF-8 takes at most three bytes for a unit of UTF-16";

export const subjects: Readonly<Record<string, Subject>> = {
  "src/token.ts": { tests: ["token_test", "at_rest_test", "open_test"] },
  "src/base64url.ts": {
    tests: ["token_test", "signing_test", "seal_test"],
    equivalent: [
      [
        'toBase64 === "function"',
        "both runtimes have `toBase64`; the other way is Node's, and gives the same text",
      ],
      ['let text = ""', "the way of Node 24, which no test lane runs"],
      ["text += String.fromCharCode(byte)", "the way of Node 24, which no test lane runs"],
      ["return btoa(text)", "the way of Node 24, which no test lane runs"],
    ],
  },
  "src/keyring.ts": { tests: ["keyring_test", "token_test", "signing_test", "secrets_test"] },
  "src/seal.ts": {
    tests: ["keyring_test", "seal_edges_test", "seal_test"],
    equivalent: [
      ["const derivedKeys = 256", "how many derived keys are remembered shows in nothing but time"],
      ["#since = 0;", "it is read only after the first salt has set it"],
    ],
  },
  "src/record.ts": {
    tests: ["record_test", "devices_test", "history_test", "damaged_test"],
    equivalent: [
      ["no fallback in `text ??", '`JSON.parse(undefined)` throws as `JSON.parse("")` does'],
      ["? noNotes : readText(text).notes;: condition", "a short way to what reading all of it finds"],
      ["const formerOf", "any part of a key tells it from others, if it is always the same one"],
    ],
  },
  "src/codec.ts": {
    tests: ["codec_edges_test", "codec_test", "damaged_test", "values_test"],
    equivalent: [
      ["return false;: false becomes true", slowText],
      ["if (value === null) return false;: false becomes true", slowText],
      ["let negativeZero = false;: false becomes true", slowText],
      ["condition `negativeZero` is always true", slowText],
      ["return true;: true becomes false", closerLook],
      ["`return Number.isFinite(value) && !Object.is(value, -0);` returns nothing", closerLook],
      ["if (value === null) return true;: true becomes false", closerLook],
      ["condition `depth === maxDepth` is always true", closerLook],
      ["=== becomes !== in `depth === maxDepth`", closerLook],
      [
        "if (Array.isArray(value)) {: condition `Array.isArray(value)` is always false",
        "an array that is looked at as an object is not plain, and no less deep",
      ],
      ["hidden !== value.length + 1` is always true", closerLook],
      [
        "return false;: + becomes - in `value.length + 1`",
        "what fits then has holes, which are not plain either",
      ],
      ["condition `!isPlain(item, depth + 1)` is always true", closerLook],
      ["prototype !== null || hidd` is always true", closerLook],
      ["hidden !== keys.length) return false;: && becomes ||", closerLook],
      ["condition `!isPlain((value as Record<string, unknown>)[key], depth + 1)` is always true", closerLook],
      ["condition `keys.every((key) => isPlain(data[key], 0))` is always false", closerLook],
      ["isPlain(data[key], 0))) return JSON.stringify(data);: 0 becomes (0 + 1)", closerLook],
      [
        "text.length > 2 * maxDepth && isObject(data) && isDeeper(data, maxDepth);: > becomes >=",
        "128 characters are too few for 65 levels",
      ],
      ["isDeeper(data, maxDepth);: * becomes /", "a short text is looked through in vain"],
    ],
  },
  "src/format.ts": {
    tests: [
      "format_test",
      "codec_edges_test",
      "values_test",
      "damaged_test",
      "session_test",
      "every_option_test",
    ],
    equivalent: [
      ["condition `isStrict` is always false", "a map holds the same values"],
      ["/.test(source)` is always true", closerLook],
      ['`return text.includes("null") ? undefined : text;` returns nothing', closerLook],
      ['condition `text.includes("null")` is always true', closerLook],
      ["condition `length * 3 > this.#maxBytes` is always true", neverThree],
      ["if (length * 3 > this.#maxBytes) {: 3 becomes", neverThree],
      ["> becomes >= in `length * 3 > this.#maxBytes`", neverThree],
      ['"bool` returns nothing', "a value that is not known to be plain is encoded, which finds the same"],
      [
        '|| becomes && in `typeof value === "boolean"',
        "a value that is not known to be plain is encoded, which finds the same",
      ],
      [
        '=== becomes !== in `typeof value === "number"`',
        "`Number.isFinite` is false for all but numbers",
      ],
      [
        '`throw new TypeError("Cannot use what the codec',
        "`Object.keys(undefined)` throws the same class, which is caught",
      ],
    ],
  },
  "src/values.ts": {
    tests: ["values_test", "session_test"],
    equivalent: [
      ["!Object.hasOwn(object, key)` is always true", "it becomes a map sooner, with the same values"],
      [
        "condition `values instanceof ParsedValues` is always false",
        "the same object is made by way of a map",
      ],
    ],
  },
  "src/cookie.ts": {
    tests: ["cookie_options_test", "cookie_write_test", "cookie_read_test", "cookie_store_test"],
    equivalent: [
      ["if (end < 0) end = header.length;: < becomes <=", 'a ";" after "=" is never at 0'],
      ["if (end < 0) end = header.length;: 0 becomes (0 + 1)", 'a ";" after "=" is never at 0'],
      ["< becomes <= in `start < stop`", 'what stands at the end is ";" or nothing, never a blank'],
      ["> becomes >= in `stop > start`", "`slice` gives nothing also where the end comes before the start"],
      [
        "`at = end;` is dropped",
        'nothing within a value follows a ";": looking there finds nothing, and takes time',
      ],
      ["condition `isCarried` is always true", "an object with the content of `nothing`"],
    ],
  },
  "src/ends.ts": {
    tests: ["ends_test", "touch_test", "lifetime_test"],
    equivalent: [
      ["#turn = 0;: 0 becomes", "only the order of turns counts"],
      [">= in `last.turn > begun`", "every turn is another number"],
    ],
  },
  "src/saving.ts": {
    tests: [
      "commit_test",
      "conflict_test",
      "merge_test",
      "schema_test",
      "values_test",
      "rotation_test",
      "outage_test",
    ],
  },
  "src/compose.ts": { tests: ["lifetime_test", "touch_test", "commit_test", "expiry_test"] },
  "src/lines.ts": { tests: ["commit_test", "conflict_test", "gone_test", "merge_test", "rotation_test"] },
  "src/held_carrier.ts": {
    tests: [
      "held_carrier_test",
      "held_carrier_calls_test",
      "token_test",
      "commit_test",
      "events_test",
      "grace_pointer_test",
    ],
    equivalent: [
      ["const remembered = 4096", "how many cookies are remembered shows in nothing but time"],
      ["const longestKnown = 512", "a longer header is read anew, with what it gave before"],
      ["header === null", "a header that is not remembered is read anew, with what it gave before"],
      ["condition `known !== undefined` is always false", "it is read anew, with what it gave before"],
      ["if (values.length === 1) {: condition `values.length === 1` is always false", verifiedAgain],
      ["values[0]!);: 0 becomes", verifiedAgain],
      ["condition `identity !== undefined` is always false", verifiedAgain],
      ["longestKnown) this.#headers.set", "it is read anew, with what it gave before"],
      ["`this.#verified.set(token, identity);` is dropped", verifiedAgain],
      ["|| place.isStale` is always true", "the same place, by way of a promise"],
      ["condition `!place.isStale` is always false", "the same token, signed once more"],
    ],
  },
  "src/load.ts": { tests: ["session_test", "damaged_test", "lifetime_test", "stores_stamp_test"] },
  "src/respond.ts": { tests: ["response_test", "caching_test", "upgrade_test"] },
  "backends/memory.ts": { tests: ["memory_test", "memory_bound_test", "contract_test"] },
  "src/unit.ts": {
    tests: [
      "unit_test",
      "unit_end_test",
      "events_test",
      "touch_test",
      "merge_test",
      "commit_test",
      "schema_test",
    ],
  },
  "backends/sqlite.ts": {
    tests: ["sqlite_test", "sqlite_open_test", "sqlite_busy_test", "sqlite_faults_test"],
  },
  "backends/sqlite/connection.ts": {
    tests: ["sqlite_test", "sqlite_open_test", "sqlite_busy_test", "sqlite_faults_test"],
  },
  "backends/sqlite/writes.ts": { tests: ["sqlite_test", "sqlite_busy_test", "sqlite_faults_test"] },
  "backends/file/sessions.ts": { tests: ["file_test", "file_damage_test", "file_faults_test"] },
  "backends/file/claims.ts": { tests: ["file_test", "file_damage_test", "file_faults_test"] },
  "backends/file/disk.ts": { tests: ["file_test", "file_damage_test", "file_faults_test"] },
};
