/** The readers of what Django's applications keep, by themselves. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { djangoMessages, djangoUser, sessionAuthHash, verifySessionAuthHash } from "../../backends/django.ts";

const backend = "django.contrib.auth.backends.ModelBackend";
const password = "pbkdf2_sha256$260000$seasalt$YlZ2Vggtqdc61YjArZuoApoBh9JNGYoDRBUGu6tcJQo=";
const key = "django-insecure-public-4k9$x!w2m7q@c0e^z8r5t1y3u6i";
const hash = "bb94e82bf7943dfab31f5f7839c1520bb5024324706ba7194499183791a75526"; // made by Django

/** A session with these values. */
const session = (values: Record<string, unknown>) => new Map(Object.entries(values));
const loggedIn = (hash: unknown) =>
  session({ _auth_user_id: "42", _auth_user_backend: backend, _auth_user_hash: hash });

describe("who is logged in", () => {
  it("has an id and a backend, and a hash if it is a text", () => {
    assert.deepEqual(djangoUser(loggedIn(hash)), { id: "42", backend, hash });
    for (const none of ["", undefined, null, 7]) {
      assert.deepEqual(djangoUser(loggedIn(none)), { id: "42", backend, hash: undefined });
      assert.equal(djangoUser(session({ _auth_user_id: "42", _auth_user_backend: none })), undefined);
    }
    assert.equal(djangoUser(session({ _auth_user_backend: backend, _auth_user_hash: hash })), undefined);
  });
});

describe("the session auth hash", () => {
  it("is Django's, and needs a text", async () => {
    assert.equal(await sessionAuthHash(password, key), hash);
    for (const wrong of [7, null, undefined]) {
      await assert.rejects(sessionAuthHash(wrong as never, key), {
        name: "TypeError",
        message: /stored password hash: received (number|object|undefined)$/,
      });
    }
  });

  it("holds with any of the keys, and only as it is", async () => {
    assert.equal(await verifySessionAuthHash(loggedIn(hash), password, key), true);
    assert.equal(
      await verifySessionAuthHash(loggedIn(hash), password, "new", ["older", key, "oldest"]),
      true,
    );
    assert.equal(await verifySessionAuthHash(loggedIn(hash), password, "new", ["older"]), false);
    const others = [
      hash.slice(0, -1),
      `${hash}0`,
      `${hash}\0`,
      `0${hash.slice(1)}`,
      `${hash.slice(0, -1)}7`,
      hash.toUpperCase(),
      "",
      undefined,
    ];
    for (const other of others) {
      assert.equal(await verifySessionAuthHash(loggedIn(other), password, key), false, String(other));
    }
  });
});

describe("messages", () => {
  const read = (_messages: unknown) => djangoMessages(session({ _messages }));

  it("are read from text or from what was parsed", () => {
    const message = { message: "Saved.", level: 25, extraTags: "", isSafe: false };
    const stored = [["__json_message", 0, 25, "Saved.", ""]];
    assert.deepEqual(read(stored), [message]);
    assert.deepEqual(read(JSON.stringify(stored)), [message]);
    for (
      const [isSafe, tags, expected] of [
        [1, "a b", { ...message, isSafe: true, extraTags: "a b" }],
        [true, null, { ...message, isSafe: true }],
        [false, 7, message],
        [2, undefined, message],
        ["1", "", message],
      ] as const
    ) {
      assert.deepEqual(read([["__json_message", isSafe, 25, "Saved.", tags]]), [expected]);
    }
  });

  it("are left out if they are none", () => {
    const good = ["__json_message", 0, 25, "Saved."];
    const bad = [7, null, "__json_message", [], ["x", 0, 25, "Saved."], [good[0], 0, "25", "Saved."]];
    assert.equal(read([...bad, good, [good[0], 0, 25, 7], { ...good }]).length, 1);
    for (const rubbish of [undefined, null, 7, "", "{", "7", "{}", { length: 1, 0: good }]) {
      assert.deepEqual(read(rubbish), []);
    }
  });
});
