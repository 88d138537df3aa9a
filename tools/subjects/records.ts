/** What has to notice a change of ids, keys, cookies and records. */

import type { Subject } from "./subject.ts";

const closerLook = "where the quick look fails, the closer one finds the same, and the text is the same";
const verifiedAgain = "what was verified before is verified again, with the same outcome";
const neverThree = "a quick look: UTF-8 takes at most three bytes for a unit of UTF-16";

export const records: Readonly<Record<string, Subject>> = {
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
  "src/transport/id_proofs.ts": {
    tests: [
      "data/record_head_test",
      "transport/store_transport_test",
      "transport/store_transport_calls_test",
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
  "src/transport/cookie.ts": {
    tests: [
      "transport/cookie_options_test",
      "transport/cookie_write_test",
      "transport/cookie_read_test",
      "stores/cookie/cookie_store_test",
    ],
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
  "src/transport/signed_id_cookie.ts": {
    tests: [
      "transport/store_transport_test",
      "transport/store_transport_calls_test",
      "crypto/session_id_test",
      "crypto/secrets_test",
    ],
    equivalent: [
      ["const remembered = 4096", "how many cookies are remembered shows in nothing but time"],
      ["const longestKnown = 512", "a longer header is read anew, with what it gave before"],
      ["longestKnown) this.#headers.set", "it is read anew, with what it gave before"],
    ],
  },
  "src/transport/store_transport.ts": {
    tests: [
      "transport/store_transport_test",
      "transport/store_transport_calls_test",
      "crypto/session_id_test",
      "unit_of_work/commit_test",
      "api/events_test",
      "transport/one_key_test",
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
  "src/data/lifetime.ts": {
    tests: [
      "data/lifetime_limits_test",
      "api/expiry_test",
      "unit_of_work/touch_test",
      "unit_of_work/unit_end_test",
    ],
  },
};
