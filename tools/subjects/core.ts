/** What has to notice a change of requests, units of work, and what is public. */

import type { Subject } from "./subject.ts";

const closerLook = "where the quick look fails, the closer one finds the same, and the text is the same";
const slowText = "a -0 that is not there: the text is the same, made more slowly";

export const core: Readonly<Record<string, Subject>> = {
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
  "src/unit_of_work/save.ts": {
    tests: [
      "unit_of_work/save_test",
      "api/schema_merge_test",
      "api/schema_test",
      "unit_of_work/merge_test",
      "data/values_test",
      "unit_of_work/touch_test",
      "api/expiry_test",
      "unit_of_work/commit_test",
    ],
    equivalent: [["renews = false", "it is read only after a record was made, which sets it"]],
  },
  "src/unit_of_work/compose.ts": {
    tests: [
      "unit_of_work/save_test",
      "api/expiry_test",
      "unit_of_work/touch_test",
      "data/lifetime_test",
      "unit_of_work/commit_test",
    ],
  },
  "src/unit_of_work/save_queue.ts": {
    tests: [
      "unit_of_work/save_queue_test",
      "transport/one_key_test",
      "unit_of_work/save_test",
      "unit_of_work/merge_test",
      "unit_of_work/conflict_test",
    ],
    equivalent: [
      ["if (retries > 0) await pause(", "how long it waits before it tries again shows in nothing but time"],
      ["return new Promise((resolve) => setTimeout(resolve", "the same"],
      ["until < 0 ? line.length : until);: < becomes <=", "a rotation is never first here"],
      ["until < 0 ? line.length : until);: 0 becomes (0 + 1)", "the same"],
    ],
  },
  "src/unit_of_work/load.ts": {
    tests: ["unit_of_work/load_test", "api/schema_test", "data/damaged_test"],
    equivalent: [
      [
        "found === undefined ? [] : [found]);: condition `found === undefined` is always false",
        "only the first one is looked at",
      ],
      ["no await for `await fit(", "an async function waits for what it returns"],
    ],
  },
  "src/request/response.ts": {
    tests: [
      "request/response_test",
      "request/any_response_test",
      "request/caching_test",
      "request/upgrade_test",
    ],
    equivalent: [
      ["no fallback in `headers.get(", 'what is not there is looked at as "null"'],
      ["let turn = 0;: 0 becomes", "only the order of turns counts"],
      ["< becomes <= in `began < plain.madeAt`", "no two turns are equal"],
    ],
  },
  "src/unit_of_work/unit_of_work.ts": {
    tests: [
      "unit_of_work/logout_test",
      "unit_of_work/unit_of_work_test",
      "unit_of_work/unit_save_test",
      "data/values_test",
      "api/schema_merge_test",
      "unit_of_work/unit_end_test",
      "api/events_test",
      "unit_of_work/touch_test",
      "unit_of_work/merge_test",
      "unit_of_work/commit_test",
      "api/schema_test",
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
  "src/unit_of_work/change_tracker.ts": {
    tests: [
      "unit_of_work/change_tracker_test",
      "data/values_test",
      "api/session_test",
      "api/session_map_test",
      "unit_of_work/merge_test",
      "unit_of_work/save_test",
      "api/schema_merge_test",
      "api/data_test",
      "unit_of_work/unit_save_test",
      "unit_of_work/unit_of_work_test",
    ],
    equivalent: [['`return "";` returns nothing', "nobody asks for the text of a value that is no object"]],
  },
  "src/session_map.ts": {
    tests: [
      "api/session_map_test",
      "api/session_test",
      "api/data_test",
      "api/wrap_test",
      "unit_of_work/merge_test",
      "unit_of_work/unit_of_work_test",
    ],
  },
  "src/request/request_session.ts": {
    tests: [
      "request/request_session_test",
      "request/upgrade_test",
      "api/open_test",
      "api/wrap_test",
      "unit_of_work/unit_of_work_test",
      "unit_of_work/unit_end_test",
      "request/any_response_test",
      "api/regression_test",
      "request/caching_test",
      "django/middleware_test",
      "django/session_test",
      "stores/cookie/cookie_store_test",
      "api/on_error_test",
      "diagnostics/hygiene_test",
      "api/close_test",
      "unit_of_work/commit_test",
    ],
    equivalent: [
      [
        "promise.catch(() => {});: condition `this.#unit === undefined` is always true",
        "a promise that is fulfilled has nothing to catch",
      ],
    ],
  },
  "src/unit_of_work/logout.ts": {
    tests: [
      "unit_of_work/logout_test",
      "unit_of_work/unit_of_work_test",
      "api/events_test",
      "unit_of_work/commit_test",
    ],
    equivalent: [
      ["> becomes >= in `this.#left.size > 0`", "nothing is ended once more"],
      [
        "isDoubtful: false, ...this.#left.get(state), state, moved });: false becomes true",
        "a new session is not given back",
      ],
    ],
  },
  "src/unit_of_work/live_sessions.ts": { tests: ["transport/one_key_test", "api/user_sessions_test"] },
  "src/unit_of_work/stale_cookies.ts": {
    tests: [
      "django/middleware_test",
      "unit_of_work/unit_of_work_test",
      "unit_of_work/commit_test",
      "crypto/session_id_test",
    ],
  },
  "src/guard/deadlines.ts": { tests: ["guard/deadlines_test"] },
  "src/guard/call_guard.ts": {
    tests: [
      "guard/call_guard_test",
      "transport/store_transport_test",
      "diagnostics/tracing_test",
      "api/on_error_test",
    ],
    equivalent: [["condition `isTraced()` is always true", "`call` looks for itself, and does the same"]],
  },
  "src/unit_of_work/observed_promise.ts": {
    tests: ["unit_of_work/logout_test", "unit_of_work/unit_of_work_test", "transport/rotation_test"],
    equivalent: [["`return Promise;` returns nothing", "without a species it is `Promise`"]],
  },
};
