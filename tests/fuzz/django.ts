/** Fuzz targets for what a Django site leaves in its tables, files and cookies: signed texts, Python's JSON, dates, session data. */

import assert from "node:assert/strict";
import { readDate, toExpiry } from "../../backends/django/format/dates.ts";
import { Envelope } from "../../backends/django/format/signed_object.ts";
import { DjangoFormat } from "../../backends/django/format/session_format.ts";
import { readJson, readMembers, writeJson } from "../../backends/django/format/python_json.ts";
import { fromBase62, toBase62 } from "../../backends/django/format/signing.ts";
import { SessionError } from "../../mod.ts";
import { endOf } from "../../src/data/lifetime.ts";
import { bytesOf, latin1, type Target, utf8 } from "./inputs.ts";
import vectors from "../support/django/vectors.json" with { type: "json" };

const bytes = new TextEncoder();
const signedAt = 1_700_000_000;
const settings = { cookieAge: 1_209_600, useTz: true };
const limits = {
  idleAge: 1_209_600,
  anonymousIdleAge: 1_209_600,
  absoluteAge: null,
  expireAtBrowserClose: false,
};

/** Data as Django wrote it. */
const written: readonly string[] = [
  ...new Set(
    (vectors as { serialized?: unknown }[]).flatMap(({ serialized: text }) =>
      typeof text === "string" && text.length < 2000 ? [text] : []
    ),
  ),
  '{"_auth_user_id":"1","_auth_user_backend":"a.B","_auth_user_hash":"00","_session_expiry":0}',
  '{"_session_expiry":"2026-01-02T03:04:05.678000+00:00","cart":[{"id":12345678901234567890}]}',
  '{"a":NaN,"b":[Infinity,-Infinity],"c":1.0,"d":1e22,"e":-0.0,"f":"\\ud800","__proto__":{"admin":true}}',
];

const salt = "django.contrib.sessions.SessionStore";
const [newest, older] = [bytes.encode("newest"), bytes.encode("older")];
const writers = [new Envelope([newest], salt), new Envelope([older], salt)];
const closed = new Map<string, string>();
for (const json of written) {
  for (const writer of writers) closed.set(await writer.close(json, signedAt * 1000), json);
}
const envelope = new Envelope([newest, older], salt);
const elsewhere = new Envelope([newest, older], "django.contrib.sessions.backends.signed_cookies");

/** What only Python's JSON has, and whole numbers that a `number` cannot hold. */
const isPythons = (text: string) => /NaN|Infinity|\d{16}|[\d.]e|[\d.]E/.test(text);

export const djangoTargets: readonly Target[] = [
  {
    name: "SR-019 a text that Django signed opens as it was closed, under its own salt, or not at all",
    samples: [...closed.keys()].map(bytesOf),
    async check(input) {
      const text = latin1(input);
      const opened = await envelope.open(text);
      if (typeof opened !== "string") {
        assert.deepEqual([opened.json, opened.signedAt], [closed.get(text), signedAt]);
      } else assert.ok(["forged", "malformed"].includes(opened) && !closed.has(text));
      assert.equal(await elsewhere.open(text), "forged");
    },
  },
  {
    name: "SR-071 Python's JSON is read as JSON is, and written back with nothing lost",
    samples: [...written, "[]", "1", '"x"', '{"a":01}', '{"a":1,}', "[".repeat(600)].map(bytesOf),
    check(input) {
      const text = utf8(input);
      const attempt = (run: () => unknown): [unknown] | undefined => {
        try {
          return [run()];
        } catch (error) {
          assert.ok(error instanceof SyntaxError, String(error));
          return undefined;
        }
      };
      const [read, common] = [attempt(() => readJson(text)), attempt(() => JSON.parse(text))];
      if (!isPythons(text) && !text.includes("[".repeat(60)) && !text.includes('{"a":'.repeat(60))) {
        assert.deepEqual(read, common);
      }
      assert.equal(({} as Record<string, unknown>)["admin"], undefined);
      if (read === undefined) return;
      assert.deepEqual(readJson(writeJson(read[0], "key")), read[0]);
      const members = attempt(() => readMembers(text)) as [ReturnType<typeof readMembers>] | undefined;
      const isObject = typeof read[0] === "object" && read[0] !== null && !Array.isArray(read[0]);
      assert.equal(members !== undefined, isObject);
      for (const [key, { value, text }] of members?.[0] ?? []) {
        assert.deepEqual(value, (read[0] as Record<string, unknown>)[key]);
        assert.deepEqual(readJson(text), value);
      }
    },
  },
  {
    name: "SR-050 session data of a Django site is a session with an end, or damaged",
    samples: written.map(bytesOf),
    check(input) {
      const format = new DjangoFormat(settings);
      const record = { data: utf8(input), createdAt: 1, touchedAt: 2, expiresAt: 1_800_000_000_000 };
      let draft: ReturnType<DjangoFormat["read"]>;
      try {
        draft = format.read(record);
      } catch (error) {
        assert.ok(error instanceof SessionError, String(error));
        // Text that does not even begin as JSON is of a site with another serializer.
        assert.ok(error.code === "ERR_DAMAGED" || error.code === "ERR_UNSUPPORTED", String(error));
        if (error.code === "ERR_UNSUPPORTED") assert.doesNotMatch(record.data, /^\s*\{/);
        assert.equal(error.cause, undefined);
        return;
      }
      assert.ok(draft.userId === undefined || typeof draft.userId === "string" && draft.userId !== "");
      assert.ok(Number.isFinite(draft.touchedAt) && Number.isFinite(endOf(limits, draft)));
      const again = format.read({ ...record, data: format.write(draft) });
      assert.deepEqual([again.userId, again.meta, [...again.values]], [draft.userId, draft.meta, [
        ...draft.values,
      ]]);
      assert.equal(format.write(again), format.write(draft));
    },
  },
  {
    name: "SR-037 a date of Django's is an instant that is spelled the same again, or none",
    samples: [
      "2026-01-02 03:04:05.678901",
      "2026-01-02T03:04:05+05:30",
      "0001-01-01T00:00:00Z",
      "9999-12-31 23:59:59.999999",
      "2024-02-29 00:00",
      "0099-12-31 23:59:59,5",
    ].map(bytesOf),
    check(input) {
      const text = utf8(input);
      for (const useTz of [true, false]) {
        const at = readDate(text, useTz);
        if (at === undefined) continue;
        assert.ok(Number.isFinite(at));
        const inRange = at > Date.parse("0001-01-03") && at < Date.parse("9999-12-29");
        if (useTz && inRange) assert.equal(readDate(toExpiry(at, useTz), useTz), at);
      }
    },
  },
  {
    name: "SR-026 a number in base 62 is whole, and is read back as it was written",
    samples: ["0", "1r31eq", "-1", "zzzzzzzz", "00A"].map(bytesOf),
    check(input) {
      const text = latin1(input);
      const value = fromBase62(text);
      assert.equal(value !== undefined, /^-?[0-9A-Za-z]{1,8}$/.test(text));
      if (value === undefined) return;
      assert.ok(Number.isSafeInteger(value));
      assert.equal(fromBase62(toBase62(value)), value === 0 ? 0 : value);
    },
  },
];
