/** Which tests have to notice a change of which file, quick ones first, and which changes change nothing, with the reason. */

/** What is known of one source file. */
export interface Subject {
  /** Parts of the names of test files, in `tests/`. */
  readonly tests: readonly string[];
  /** Mutants that no test can notice: a part of `<line>: <what>`, with the line's text in place of its number, and why. */
  readonly equivalent?: readonly (readonly [part: string, why: string])[];
}

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
      ["return false;: false becomes true", "a closer look that finds nothing: the text is the same"],
      ["if (value === null) return false;: false becomes true", "the same"],
      ["let negativeZero = false;: false becomes true", "the same"],
      ["condition `negativeZero` is always true", "the text is the same, made more slowly"],
    ],
  },
  "src/format.ts": {
    tests: ["codec_edges_test", "codec_test", "damaged_test", "values_test", "session_test"],
  },
  "src/values.ts": { tests: ["values_test", "session_test"] },
  "src/cookie.ts": { tests: ["cookie_write_test", "cookie_read_test", "cookie_options_test"] },
  "src/ends.ts": { tests: ["touch_test", "lifetime_test", "stores_limits_test"] },
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
    tests: ["token_test", "commit_test", "gone_test", "outage_test", "rotation_test"],
  },
  "src/load.ts": { tests: ["session_test", "damaged_test", "lifetime_test", "stores_stamp_test"] },
  "src/respond.ts": { tests: ["response_test", "caching_test", "upgrade_test"] },
  "backends/memory.ts": { tests: ["memory_test", "memory_bound_test", "contract_test"] },
  "src/unit.ts": {
    tests: [
      "commit_test",
      "gone_test",
      "merge_test",
      "touch_test",
      "outage_test",
      "regression_test",
      "rotation_test",
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
