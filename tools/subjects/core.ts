/** What has to notice a change of the library itself. */

import type { Subject } from "../mutants_map.ts";

const closerLook = "where the quick look fails, the closer one finds the same, and the text is the same";
const slowText = "a -0 that is not there: the text is the same, made more slowly";
const verifiedAgain = "what was verified before is verified again, with the same outcome";
const neverThree = "a quick look: UTF-8 takes at most three bytes for a unit of UTF-16";

export const core: Readonly<Record<string, Subject>> = {
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
  "src/head.ts": { tests: ["head_test", "devices_test", "damaged_test"] },
  "src/proofs.ts": { tests: ["head_test", "held_carrier_test", "held_carrier_calls_test"] },
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
    tests: ["lines_test", "one_key_test", "saving_test", "merge_test", "conflict_test"],
    equivalent: [
      ["if (retries > 0) await pause(", "how long it waits before it tries again shows in nothing but time"],
      ["return new Promise((resolve) => setTimeout(resolve", "the same"],
      ["until < 0 ? line.length : until);: < becomes <=", "a rotation is never first here"],
      ["until < 0 ? line.length : until);: 0 becomes (0 + 1)", "the same"],
    ],
  },
  "src/signed_ids.ts": {
    tests: ["held_carrier_test", "held_carrier_calls_test", "token_test", "secrets_test"],
    equivalent: [
      ["const remembered = 4096", "how many cookies are remembered shows in nothing but time"],
      ["const longestKnown = 512", "a longer header is read anew, with what it gave before"],
      ["longestKnown) this.#headers.set", "it is read anew, with what it gave before"],
    ],
  },
  "src/held_carrier.ts": {
    tests: [
      "held_carrier_test",
      "held_carrier_calls_test",
      "token_test",
      "commit_test",
      "events_test",
      "one_key_test",
    ],
    equivalent: [
      ["header === null", "a header that is not remembered is read anew, with what it gave before"],
      ["condition `known !== undefined` is always false", "it is read anew, with what it gave before"],
      ["if (values.length === 1) {: condition `values.length === 1` is always false", verifiedAgain],
      ["values[0]!);: 0 becomes", verifiedAgain],
      ["condition `identity !== undefined` is always false", verifiedAgain],
      ["`this.#verified.set(token, identity);` is dropped", verifiedAgain],
      ["|| place.isStale` is always true", "the same place, by way of a promise"],
      ["condition `!place.isStale` is always false", "the same token, signed once more"],
      ["new Recent(1024)", "one rotation more is remembered"],
      ["no await for `await this.#fresh(place)`", "an async function waits for what it returns"],
      [
        "no await for `await this.#endMoved(record, place.key)`",
        "an async function waits for what it returns",
      ],
    ],
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
  "src/respond.ts": {
    tests: ["respond_test", "response_test", "caching_test", "upgrade_test"],
    equivalent: [
      ["no fallback in `headers.get(", 'what is not there is looked at as "null"'],
      ["let turn = 0;: 0 becomes", "only the order of turns counts"],
      ["< becomes <= in `began < plain.madeAt`", "no two turns are equal"],
    ],
  },
  "src/unit.ts": {
    tests: [
      "log_out_test",
      "unit_test",
      "unit_save_test",
      "values_test",
      "schema_merge_test",
      "unit_end_test",
      "events_test",
      "touch_test",
      "merge_test",
      "commit_test",
      "schema_test",
    ],
    equivalent: [
      [
        "else if (core.schema === undefined) state.merged(core.format.read(saved.record), saved.record);: condition `core.schema === undefined` is always false",
        "without a schema the check gives the same, a turn later",
      ],
      [
        "if (this.#header === undefined) return;: condition `this.#header === undefined` is always false",
        "outside of a request nobody reads the fields",
      ],
    ],
  },
  "src/state.ts": {
    tests: [
      "state_test",
      "values_test",
      "session_test",
      "session_map_test",
      "merge_test",
      "saving_test",
      "schema_merge_test",
      "data_test",
      "unit_save_test",
      "unit_test",
    ],
    equivalent: [['`return "";` returns nothing', "nobody asks for the text of a value that is no object"]],
  },
  "src/session_map.ts": {
    tests: ["session_map_test", "session_test", "data_test", "wrap_test", "merge_test", "unit_test"],
  },
  "src/scope.ts": {
    tests: [
      "scope_test",
      "upgrade_test",
      "open_test",
      "wrap_test",
      "unit_test",
      "unit_end_test",
      "response_test",
      "regression_test",
      "caching_test",
      "django_middleware_test",
      "django_session_test",
      "cookie_store_test",
      "on_error_test",
      "hygiene_test",
      "close_test",
      "commit_test",
    ],
    equivalent: [
      [
        "promise.catch(() => {});: condition `this.#unit === undefined` is always true",
        "a promise that is fulfilled has nothing to catch",
      ],
    ],
  },
  "src/log_out.ts": {
    tests: ["log_out_test", "unit_test", "events_test", "commit_test"],
    equivalent: [
      ["> becomes >= in `this.#left.size > 0`", "nothing is ended once more"],
      [
        "isDoubtful: false, ...this.#left.get(state), state, moved });: false becomes true",
        "a new session is not given back",
      ],
    ],
  },
  "src/user_sessions.ts": { tests: ["one_key_test", "devices_test"] },
  "src/lifetime.ts": { tests: ["lifetime_limits_test", "expiry_test", "touch_test", "unit_end_test"] },
  "src/stale.ts": { tests: ["django_middleware_test", "unit_test", "commit_test", "token_test"] },
  "src/time_limit.ts": { tests: ["time_limit_test"] },
  "src/guard.ts": {
    tests: ["guard_test", "held_carrier_test", "tracing_test", "on_error_test"],
    equivalent: [["condition `isTraced()` is always true", "`call` looks for itself, and does the same"]],
  },
  "src/reported.ts": {
    tests: ["log_out_test", "unit_test", "rotation_test"],
    equivalent: [["`return Promise;` returns nothing", "without a species it is `Promise`"]],
  },
};
