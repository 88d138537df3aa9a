/** The tests that must notice a change of how values, ids and secrets are encoded. */

import type { Subject } from "../mutants_map.ts";

const closerLook = "where the quick look fails, the closer one finds the same, and the text is the same";
const slowText = "a -0 that is not there: the text is the same, made more slowly";
const neverThree = "a quick look: UTF-8 takes at most three bytes for a unit of UTF-16";

export const data: Readonly<Record<string, Subject>> = {
  "src/crypto/session_id.ts": { tests: ["crypto/session_id_test", "crypto/at_rest_test", "api/open_test"] },
  "src/crypto/base64url.ts": {
    tests: ["crypto/session_id_test", "crypto/signing_test", "crypto/sealer_test"],
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
  "src/crypto/signer.ts": {
    tests: ["crypto/signer_test", "crypto/session_id_test", "crypto/signing_test", "crypto/secrets_test"],
  },
  "src/crypto/sealer.ts": {
    tests: ["crypto/signer_test", "crypto/sealer_edges_test", "crypto/sealer_test"],
    equivalent: [
      ["const derivedKeys = 256", "how many derived keys are remembered shows in nothing but time"],
      ["#since = 0;", "it is read only after the first salt has set it"],
    ],
  },
  "src/data/record_head.ts": {
    tests: ["data/record_head_test", "api/user_sessions_test", "data/damaged_test"],
  },
  "src/codec.ts": {
    tests: ["api/codec_edges_test", "api/codec_test", "data/damaged_test", "data/values_test"],
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
  "src/data/format.ts": {
    tests: [
      "data/format_test",
      "api/codec_edges_test",
      "data/values_test",
      "data/damaged_test",
      "api/session_test",
      "api/every_option_test",
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
  "src/data/values.ts": {
    tests: ["data/values_test", "api/session_test"],
    equivalent: [
      ["!Object.hasOwn(object, key)` is always true", "it becomes a map sooner, with the same values"],
      [
        "condition `values instanceof ParsedValues` is always false",
        "the same object is made by way of a map",
      ],
    ],
  },
  "src/data/lifetime.ts": {
    tests: [
      "data/lifetime_limits_test",
      "api/expiry_test",
      "unit_of_work/touch_test",
      "unit_of_work/unit_end_test",
    ],
  },
};
