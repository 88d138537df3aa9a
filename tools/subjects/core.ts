/** The tests that must notice a change of how requests and sessions are handled. */

import type { Subject } from "../mutants_map.ts";

const verifiedAgain = "what was verified before is verified again, with the same outcome";

export const core: Readonly<Record<string, Subject>> = {
  "src/transport/id_proofs.ts": {
    tests: [
      "data/record_head_test",
      "transport/store_transport_test",
      "transport/store_transport_calls_test",
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
