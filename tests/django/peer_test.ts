/** 1,000 random sessions: written here and read by a real Django, and the reverse, without one difference. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fileURLToPath } from "node:url";
import { Envelope } from "../../backends/django/format/signed_object.ts";
import { DjangoFormat } from "../../backends/django/format/session_format.ts";
import { seed } from "../support/cookie/rig.ts";
import { needs } from "../support/needs.ts";

const python = "/usr/bin/python3";
const hasDjango = spawnSync(python, ["-c", "import django"]).status === 0;
const key = "the key of both sides, ключ";
const secrets = [new TextEncoder().encode(key)];
const envelopes = [
  new Envelope(secrets, "django.contrib.sessions.SessionStore"),
  new Envelope(secrets, "django.contrib.sessions.backends.signed_cookies"),
];
const format = new DjangoFormat({ cookieAge: 1_209_600, useTz: true });
const count = 500;

const life = { meta: {}, userId: undefined, createdAt: 0, touchedAt: 0 };
const text = fc.string({ unit: fc.constantFrom(...'ab 9"\\/\n\u0000\u007fé–日😀') });
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    text,
    fc.double(),
    fc.integer(),
    fc.bigInt().map((n) => n > 2n ** 53n || n < -(2n ** 53n) ? n : Number(n)),
    fc.constantFrom(true, false, null),
    // Around the length from which compression pays.
    fc.integer({ min: 0, max: 60 }).map((n) => "x".repeat(n)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(text, tie("value"), { maxKeys: 4 }),
  ),
})).value;
const sessions = fc.array(fc.tuple(text, value), { maxLength: 6 }).map((entries) => new Map(entries));

/** Both directions in one start of Python. */
async function exchange() {
  const ours = fc.sample(sessions, { seed, numRuns: count }).map((values) =>
    format.write(format.draft(values, life))
  );
  const texts = await Promise.all(ours.map((json, n) => envelopes[n % 2]!.close(json, 1_700_000_000_000)));
  const { stdout, stderr, status } = spawnSync(
    python,
    [fileURLToPath(new URL("../support/django/peer.py", import.meta.url))],
    { input: JSON.stringify({ key, texts, seed, count }), encoding: "utf8", maxBuffer: 2 ** 27 },
  );
  assert.equal(status, 0, stderr);
  const { decoded, made } = JSON.parse(stdout) as { decoded: string[]; made: [json: string, text: string][] };
  return { ours, decoded, made };
}

describe("a real Django", needs("python3-django", hasDjango), () => {
  it("reads 500 sessions of ours and writes 500 that are read here, byte for byte", async () => {
    const { ours, decoded, made } = await exchange();
    assert.deepEqual(decoded, ours, `seed ${seed}`);
    assert.equal(made.length, count);
    for (const [n, [json, encoded]] of made.entries()) {
      const opened = await envelopes[n % 2]!.open(encoded);
      assert.ok(typeof opened !== "string", `seed ${seed}, session ${n}`);
      assert.equal(opened.json, json);
      const record = { data: json, createdAt: 0, touchedAt: 0, expiresAt: 0 };
      assert.equal(format.write(format.read(record)), json);
      const again = await envelopes[n % 2]!.close(json, opened.signedAt * 1000);
      // Builds of zlib differ in what they make of the same bytes.
      if (!encoded.startsWith(".") && !again.startsWith(".")) assert.equal(again, encoded);
    }
  });
});
