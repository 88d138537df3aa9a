/** What has to notice a change of a store, of the sealed cookie, or of what is shared with Django. */

import type { Subject } from "./subject.ts";

const made = "what exists is not made again: the statement does nothing";
const pauses = "how long the pauses of a busy database are shows in nothing but time";
const lonely = "it is not read until a write has waited for others in vain, which sets it anew";
const neverPut = "it erases only its own version, which is nowhere yet";
const atOnce = "taking an entry out waits for nothing, and is done before the next turn of the event loop";
const lookBefore = "a look before the lock is taken; under the lock it is looked at again";
const leftAlone =
  "healing looks for itself, and leaves an entry that has its session, or one that cannot be read";
const howLong = "how long a pause is";
const lookedFor = "whether a cookie is there does not depend on its value";
const inVain = "pieces are looked for that cannot be there, which takes time";

export const stores: Readonly<Record<string, Subject>> = {
  "backends/memory.ts": {
    tests: ["stores/memory/memory_test", "stores/memory/bound_test"],
    equivalent: [
      ["#lastVersion = 0;: 0 becomes", "versions are only compared, and none comes twice"],
      ["++this.#lastVersion` counts down", "versions are only compared, and none comes twice"],
      [
        "condition `userId !== undefined` is always true",
        "nobody is in no list: there is nothing to take out",
      ],
      [
        "present.record.userId === record.us` is always false",
        "a short way: the record is taken out and put in again, and the order of `list` is no promise",
      ],
    ],
  },
  "backends/sqlite.ts": {
    tests: [
      "stores/sqlite/row_cache_test",
      "stores/sqlite/rows_test",
      "stores/sqlite/calls_test",
      "stores/sqlite/open_test",
      "stores/sqlite/sqlite_test",
      "stores/sqlite/faults_test",
    ],
    equivalent: [
      ["new BigUint64Array(1)", "the second of two random numbers is not read"],
      ["#versions = 0;: 0 becomes", "versions only differ from each other, from any start"],
      ["`++this.#versions` counts down", "versions only differ from each other, in any direction"],
      ["settings.timeout * 1000;: 1000 becomes", "a thousandth more of waiting shows in nothing but time"],
      [
        "condition `removed > 0` is always true",
        "rows that are forgotten in vain are read again, and are the same",
      ],
      [">= in `removed > 0`", "rows that are forgotten in vain are read again, and are the same"],
    ],
  },
  "backends/sqlite/connection.ts": {
    tests: [
      "stores/sqlite/rows_test",
      "stores/sqlite/calls_test",
      "stores/sqlite/sqlite_test",
      "stores/sqlite/open_test",
      "stores/sqlite/faults_test",
    ],
    equivalent: [
      ['condition `made === ""` is always true', made],
      ["WHERE name IN (${names})`).length === 2) {: condition", made],
      ["WHERE name IN (${names})`).length === 2) {: 2 becomes", made],
    ],
  },
  "backends/sqlite/group_commit.ts": {
    tests: ["stores/sqlite/group_commit_test", "stores/sqlite/sqlite_test"],
    equivalent: [
      ["#busy = 0;: 0 becomes", pauses],
      ["this.#busy = 0;: `this.#busy = 0;` is dropped", pauses],
      ["- becomes + in `this.#waiting[0]!.deadline", pauses],
      ["Math.max(0, Math.min(wait, left)));: 0 becomes", pauses],
      ["this.#hasty = this.#isLonely ? this.#span : 0;: condition `this.#isLonely` is always true", lonely],
      ["this.#hasty = this.#isLonely ? this.#span : 0;: 0 becomes", lonely],
    ],
  },
  "backends/file/records.ts": {
    tests: [
      "stores/file/races_test",
      "stores/file/file_test",
      "stores/file/faults_test",
      "stores/file/damage_test",
    ],
    equivalent: [
      ["let isPut = false;: false becomes true", neverPut],
      ["condition `isPut` is always true", neverPut],
      ["no await for `await this.unlist(", atOnce],
      ["no await for `await this.heal(", atOnce],
      ["no await for `await this.#hold([{ key }], new Patience(0)", atOnce],
      ["condition `!this.disk.facts(file)` is always false", lookBefore],
      ["condition `!allowed(before)` is always false", lookBefore],
      [
        "condition `userId !== undefined` is always true",
        "nobody has no folder: there is nothing to take out",
      ],
      ["|| stored` is always true", leftAlone],
      [
        "if (past?.userId !== userId) await this.unlist(key, past?.userId);: condition `past?.userId !== userId` is always true",
        leftAlone,
      ],
      ["condition `version === undefined` is always true", leftAlone],
      ["await this.#turn.breathe();: ", "how long others wait for their turn: file_turns_test looks at that"],
      [
        "condition `error instanceof Lost` is always true",
        "the folders are looked at again, which takes time",
      ],
    ],
  },
  "backends/file/lock.ts": {
    tests: [
      "stores/file/lock_test",
      "stores/file/races_test",
      "stores/file/file_test",
      "stores/file/faults_test",
      "stores/file/damage_test",
    ],
    equivalent: [
      ["new Uint8Array(12)", "a longer token is as good"],
      ["#since = 0;", "it is read only after the first holder has set it"],
      ["> in `now - this.#since >=", "a matter of one reading of the clock"],
      ["1000 becomes (1000 + 1)", "a millisecond or a thousandth of patience more"],
      ["500 becomes (500 + 1)", "a thousandth of patience more"],
      ["> in `performance.now() - this.#start >=", "a matter of one reading of the clock"],
      ["1 + Math.random() * 7));: 1 becomes", howLong],
      ["1 + Math.random() * 7));: + becomes", howLong],
      ["1 + Math.random() * 7));: * becomes", howLong],
      ["1 + Math.random() * 7));: 7 becomes", howLong],
      ["return true;: true becomes false", "taking away what is gone already is tried once more, in vain"],
      ["condition `index > 0` is always true", "it stages again instead of waiting with what it has staged"],
      [">= in `index > 0`", "it stages again instead of waiting with what it has staged"],
    ],
  },
  "backends/file/disk.ts": {
    tests: ["stores/file/disk_test", "stores/file/damage_test", "stores/file/file_test"],
    equivalent: [
      [
        'no fallback in `(error as NodeJS.ErrnoException | null)?.code ?? ""`',
        "`undefined` is no code either",
      ],
      ["<= in `length < bytes.length`", "the end of the file is asked for once more"],
      ["+ in `bytes.length - length`", "a plain file is read in one go, from 0"],
      [
        "condition `count === 0` is always false",
        "nobody can cut our file between its size and its bytes: it is replaced, never changed",
      ],
      [
        "if (room === 0) await new Promise<void>((resolve) => waiting.push(resolve));: 0 becomes",
        "fifteen at a time",
      ],
      ["gate(16);: 16 becomes", "seventeen at a time"],
      ["fs.mkdirSync(path, 0o700);: 0o700 becomes", "the next line sets it"],
      ["NEW, 0o600);: 0o600 becomes", "the next line but one sets it"],
      ["fs.rmSync(path, {", "what is missing is no error below either"],
      [
        'condition `!failedWith(error, "ENOENT", "ENOTEMPTY")` is always true',
        "only where another process puts something in while the folder is removed, an instant no test can meet",
      ],
    ],
  },
  "backends/cookie/chunks.ts": {
    tests: ["stores/cookie/chunks_test"],
    equivalent: [
      ["const never = () => false", lookedFor],
      ["never, 0).isCarried) {: 0 becomes", lookedFor],
      ["count: 1 };: < becomes <= in `dot < 0`", 'a "." is never first'],
      ["if (dot < 0) return { token: first, count: 1 };: 0 becomes", 'a "." is never first'],
      ["isPiece, 1);: 1 becomes", "three different pieces are as wrong as two"],
      ["mostChunks : 1;: condition `header?.includes(`${this.#cookie.name}.`)` is always true", inVain],
      ["mostChunks : 1;: 1 becomes", inVain],
    ],
  },
  "backends/cookie/revocation.ts": {
    tests: [
      "stores/cookie/cookie_transport_test",
      "stores/cookie/ended_test",
      "stores/cookie/revocation_test",
    ],
  },
  "backends/cookie/cookie_transport.ts": {
    tests: ["stores/cookie/cookie_transport_test", "stores/cookie/ended_test", "stores/cookie/overlap_test"],
    equivalent: [
      ["const longestKnown = 2048", "a longer header is read anew, with what it gave before"],
      ["condition `known !== undefined` is always false", "it is read anew, with what it gave before"],
      ["longestKnown) this.#headers.set", "it is read anew, with what it gave before"],
      ["#clock = 0;: 0 becomes", "only the order of events counts"],
      ["count, seen: 0 };: 0 becomes", "it is set before anybody reads it"],
    ],
  },
  "backends/cached.ts": {
    tests: ["stores/cached/calls_test", "stores/cached/options_test", "stores/cached/cached_test"],
    equivalent: [
      [
        "this.#timeout = timeout * 1000;: 1000 becomes",
        "a thousandth more of waiting shows in nothing but time",
      ],
      [
        "condition `!(answer instanceof Promise)` is always false",
        "an answer that is there wins the race",
      ],
    ],
  },
  "backends/cached/own_writes.ts": { tests: ["stores/cached/own_writes_test"] },
  "backends/django/format/signing.ts": {
    tests: ["django/signing_test", "django/vectors_test"],
    equivalent: [
      [
        "if (at < 0) return undefined;: condition `at < 0` is always false",
        "no text can be found that is its own signature",
      ],
    ],
  },
  "backends/django/format/signed_object.ts": {
    tests: ["django/signed_object_test", "django/vectors_test"],
    equivalent: [
      ["`bytes.length <= short`", "the text is the same, made at once or on another thread"],
    ],
  },
  "backends/django/format/python_json.ts": {
    tests: ["django/python_json_test", "django/vectors_test"],
    equivalent: [
      [
        'key !== "__proto__"` is always false',
        "an assignment makes the same property in a shorter time",
      ],
      ["if (end < 0) this.#fail();: < becomes <=", "the end of a string is never first"],
      ["if (end < 0) this.#fail();: 0 becomes (0 + 1)", "the end of a string is never first"],
      [
        'inside) ? inside : JSON.parse(`"${inside}"`);: condition `/^[ !#-[\\]-~]*$/.test(inside)` is always false',
        "`JSON.parse` gives plain text as it is, in more time",
      ],
      ["- becomes + in `at - before`", "a sum is odd where the difference is"],
    ],
  },
  "backends/django/format/session_format.ts": {
    tests: ["django/session_format_test", "django/python_json_test", "django/vectors_test"],
  },
  "backends/django/auth.ts": {
    tests: ["django/readers_test"],
    equivalent: [["< becomes <= in `i < b.length`", "one byte more is there only if the lengths differ"]],
  },
  "backends/django/format/dates.ts": {
    tests: ["django/dates_test"],
    equivalent: [["const date = new Date(0);", "all that it says is set anew"]],
  },
  "backends/sqlite/rows.ts": {
    tests: ["stores/sqlite/rows_test", "stores/sqlite/damage_test", "stores/sqlite/sqlite_test"],
  },
  "backends/sqlite/row_cache.ts": {
    tests: ["stores/sqlite/row_cache_test", "stores/sqlite/sqlite_test"],
    equivalent: [
      ["let commits = 0;: 0 becomes", "it is only compared with what it was"],
      ["`commits++` counts down", "it is only compared with what it was"],
    ],
  },
  "backends/deno_kv/record.ts": {
    tests: ["stores/deno_kv/record_test"],
    equivalent: [["condition `userId === undefined` is always false", "`undefined` has no bytes either"]],
  },
  "backends/deno_kv.ts": {
    tests: [
      "stores/deno_kv/calls_test",
      "stores/deno_kv/deno_kv_test",
      "stores/deno_kv/faults_test",
      "stores/deno_kv/index_test",
      "stores/deno_kv/close_test",
    ],
    equivalent: [["<= in `removed < limit`", "a batch of none ends it as well"]],
  },
  "backends/file/format.ts": {
    tests: ["stores/file/format_test"],
    equivalent: [["80)", "the line has at most 67 characters"]],
  },
  "backends/file/users.ts": { tests: ["stores/file/users_test"] },
  "backends/file/sweep.ts": {
    tests: ["stores/file/sweep_test"],
    equivalent: [
      ["name <= start.slice(0, 2));: 2 becomes", "what comes after two characters is no part of a name"],
    ],
  },
  "backends/file/layout.ts": { tests: ["stores/file/layout_test"] },
  "backends/sqlite/reads.ts": {
    tests: ["stores/sqlite/reads_test"],
    equivalent: [
      ["for (let attempt = 0;; attempt++) {: 0 becomes", pauses],
      ["deadline - performance.now())));: 0 becomes", pauses],
    ],
  },
  "backends/sqlite/errors.ts": { tests: ["stores/sqlite/errors_test"] },
  "backends/redis/record.ts": { tests: ["stores/redis/record_test"] },
  "backends/redis/user_index.ts": {
    tests: ["stores/redis/user_index_test"],
    equivalent: [['split(" ", 1)[0]!))];: 1 becomes (1 + 1)', "only the first part is looked at"]],
  },
  "backends/redis/script_runner.ts": {
    tests: ["stores/redis/script_runner_test", "stores/redis/waiting_test"],
    equivalent: [
      ["!this.#client.ready()` is always true", "the longer way begins with the same attempt"],
      ['condition `answer[0] === "late"` is always true', "the longer way comes to the same answer"],
      ['no await for `await send("EVAL"', "an async function waits for what it returns"],
    ],
  },
  "backends/redis.ts": {
    tests: ["stores/redis/calls_test", "stores/redis/cluster_calls_test"],
  },
};
