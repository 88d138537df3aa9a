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
const made = "what exists is not made again: the statement does nothing";
const pauses = "how long the pauses of a busy database are shows in nothing but time";
const lonely = "it is not read until a write has waited for others in vain, which sets it anew";

const neverPut = "it erases only its own version, which is nowhere yet";
const atOnce = "taking an entry out waits for nothing, and is done before the next turn of the event loop";
const lookBefore = "a look before the lock is taken; under the lock it is looked at again";
const leftAlone =
  "healing looks for itself, and leaves an entry that has its session, or one that cannot be read";
const howLong = "how long a pause is";

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
  "backends/memory.ts": {
    tests: ["memory_test", "memory_bound_test"],
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
    equivalent: [
      [
        "if (this.#header === undefined) return;: condition `this.#header === undefined` is always false",
        "outside of a request nobody reads the fields",
      ],
    ],
  },
  "backends/sqlite.ts": {
    tests: [
      "sqlite_row_memory_test",
      "sqlite_rows_test",
      "sqlite_calls_test",
      "sqlite_open_test",
      "sqlite_test",
      "sqlite_faults_test",
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
    tests: ["sqlite_rows_test", "sqlite_calls_test", "sqlite_test", "sqlite_open_test", "sqlite_faults_test"],
    equivalent: [
      ['condition `made === ""` is always true', made],
      ["WHERE name IN (${names})`).length === 2) {: condition", made],
      ["WHERE name IN (${names})`).length === 2) {: 2 becomes", made],
    ],
  },
  "backends/sqlite/writes.ts": {
    tests: ["sqlite_writes_test", "sqlite_test"],
    equivalent: [
      ["#busy = 0;: 0 becomes", pauses],
      ["this.#busy = 0;: `this.#busy = 0;` is dropped", pauses],
      ["- becomes + in `this.#waiting[0]!.deadline", pauses],
      ["Math.max(0, Math.min(wait, left)));: 0 becomes", pauses],
      ["this.#hasty = this.#isLonely ? this.#span : 0;: condition `this.#isLonely` is always true", lonely],
      ["this.#hasty = this.#isLonely ? this.#span : 0;: 0 becomes", lonely],
    ],
  },
  "backends/file/sessions.ts": {
    tests: ["file_races_test", "file_test", "file_faults_test", "file_damage_test"],
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
  "backends/file/claims.ts": {
    tests: ["file_claims_test", "file_races_test", "file_test", "file_faults_test", "file_damage_test"],
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
    tests: ["file_disk_test", "file_damage_test", "file_test"],
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
  "src/state.ts": {
    tests: [
      "session_map_test",
      "session_test",
      "values_test",
      "merge_test",
      "saving_test",
      "schema_merge_test",
      "data_test",
      "unit_test",
    ],
  },
  "src/log_out.ts": { tests: ["unit_test", "events_test", "commit_test"] },
  "src/trail.ts": { tests: ["held_carrier_test", "held_carrier_calls_test", "grace_pointer_test"] },
  "src/pointer.ts": { tests: ["held_carrier_test", "grace_pointer_test"] },
  "src/lifetime.ts": { tests: ["expiry_test", "touch_test", "unit_end_test"] },
  "src/stale.ts": { tests: ["unit_test", "commit_test", "token_test"] },
  "backends/cookie/chunks.ts": { tests: ["cookie_store_test", "cookie_limits_test", "cookie_chunks_test"] },
  "backends/cookie/carrier.ts": {
    tests: [
      "cookie_store_test",
      "cookie_repeat_test",
      "cookie_overlap_test",
      "cookie_revocation_test",
      "cookie_limits_test",
    ],
  },
  "backends/cached.ts": { tests: ["cached_test", "cached_version_test"] },
  "backends/cached_writes.ts": { tests: ["cached_test", "cached_version_test"] },
  "backends/django/signing.ts": {
    tests: ["django_signing_test", "django_vectors_test"],
    equivalent: [
      [
        "if (at < 0) return undefined;: condition `at < 0` is always false",
        "no text can be found that is its own signature",
      ],
    ],
  },
  "backends/django/envelope.ts": {
    tests: ["django_envelope_test", "django_vectors_test"],
    equivalent: [
      ["`bytes.length <= short`", "the text is the same, made at once or on another thread"],
    ],
  },
  "backends/django/json.ts": {
    tests: ["django_json_test", "django_vectors_test"],
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
  "backends/django/format.ts": {
    tests: ["django_format_test", "django_json_test", "django_vectors_test"],
  },
  "backends/django/readers.ts": {
    tests: ["django_readers_test"],
    equivalent: [["< becomes <= in `i < b.length`", "one byte more is there only if the lengths differ"]],
  },
  "backends/django/dates.ts": {
    tests: ["django_dates_test"],
    equivalent: [["const date = new Date(0);", "all that it says is set anew"]],
  },
  "backends/sqlite/rows.ts": { tests: ["sqlite_rows_test", "sqlite_damage_test", "sqlite_test"] },
  "backends/sqlite/row_memory.ts": { tests: ["sqlite_row_memory_test", "sqlite_test"] },
  "backends/redis/record.ts": { tests: ["redis_record_test"] },
  "backends/redis/user_index.ts": {
    tests: ["redis_user_index_test"],
    equivalent: [['split(" ", 1)[0]!))];: 1 becomes (1 + 1)', "only the first part is looked at"]],
  },
  "backends/redis/arrive.ts": { tests: ["redis_arrive_test"] },
  "backends/redis/wire.ts": {
    tests: ["redis_wire_test", "redis_waiting_test"],
    equivalent: [
      ["!this.#client.ready()` is always true", "the longer way begins with the same attempt"],
      ['condition `answer[0] === "late"` is always true', "the longer way comes to the same answer"],
      ['no await for `await send("EVAL"', "an async function waits for what it returns"],
    ],
  },
  "backends/redis.ts": {
    tests: ["redis_calls_test", "redis_cluster_calls_test"],
    equivalent: [["<= in `start < keys.length`", "one round more, over no key"]],
  },
};
