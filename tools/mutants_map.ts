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
    equivalent: [["no fallback in `text ??", '`JSON.parse(undefined)` throws as `JSON.parse("")` does']],
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
      "saving_test",
      "schema_merge_test",
      "schema_test",
      "merge_test",
      "values_test",
      "touch_test",
      "expiry_test",
      "commit_test",
    ],
    equivalent: [["renews = false", "it is read only after a record was made, which sets it"]],
  },
  "src/compose.ts": { tests: ["saving_test", "expiry_test", "touch_test", "lifetime_test", "commit_test"] },
  "src/lines.ts": {
    tests: ["lines_test", "saving_test", "merge_test", "conflict_test"],
    equivalent: [
      ["if (retries > 0) await pause(", "how long it waits before it tries again shows in nothing but time"],
      ["return new Promise((resolve) => setTimeout(resolve", "the same"],
      ["until < 0 ? line.length : until);: < becomes <=", "a rotation is never first here"],
      ["until < 0 ? line.length : until);: 0 becomes (0 + 1)", "the same"],
    ],
  },
  "src/held_carrier.ts": {
    tests: ["token_test", "commit_test", "gone_test", "outage_test", "rotation_test"],
  },
  "src/load.ts": {
    tests: ["load_test", "schema_test", "damaged_test"],
    equivalent: [
      [
        "found === undefined ? [] : [found]);: condition `found === undefined` is always false",
        "only the first one is looked at",
      ],
      ["no await for `await fit(", "an async function waits for what it returns"],
    ],
  },
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
