/** Log-in, log-out and the readers, as `django.contrib.auth` and `django.contrib.messages` do them (section 6.13). */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { djangoMessages, djangoUser, sessionAuthHash, verifySessionAuthHash } from "../../backends/django.ts";
import type { Session } from "../../mod.ts";
import { cookieOf, DjangoSite, secretKey } from "../support/django/site.ts";

const backend = "django.contrib.auth.backends.ModelBackend";
const password = "pbkdf2_sha256$260000$seasalt$YlZ2Vggtqdc61YjArZuoApoBh9JNGYoDRBUGu6tcJQo=";
const keysOf = (session: Session) => [...session.keys()];
const authKeys = ["_auth_user_id", "_auth_user_backend", "_auth_user_hash"];

/** A site where user 42 has logged in, and the cookie. */
async function loggedIn() {
  const site = new DjangoSite();
  const hash = await sessionAuthHash(password, secretKey);
  const cookie = await site.begin((session) => session.login("42", { backend, hash }));
  return { site, hash, cookie };
}

describe("log-in and log-out", () => {
  it("DX-096 an anonymous session gets a new key and keeps its data", async () => {
    const { site, hash } = await loggedIn();
    const before = await site.begin();
    const after =
      cookieOf(await site.visit((session) => session.login("42", { backend, hash }), before))!.value;
    assert.notEqual(after, before);
    assert.equal(site.row(before), undefined);
    assert.equal(
      await site.json(after),
      `{"color":"blue","_auth_user_id":"42","_auth_user_backend":"${backend}","_auth_user_hash":"${hash}"}`,
    );
    assert.equal(await site.see((session) => session.userId, after), "42");
  });

  it("DX-097 the same user again keeps the key; another user starts empty under a new one", async () => {
    const { site, hash, cookie } = await loggedIn();
    await site.visit((session) => session.set("cart", 1), cookie);
    const same =
      cookieOf(await site.visit((session) => session.login("42", { backend, hash }), cookie))!.value;
    assert.equal(same, cookie);
    assert.equal(await site.see((session) => session.get("cart"), cookie), 1);
    const other =
      cookieOf(await site.visit((session) => session.login("7", { backend, hash }), cookie))!.value;
    assert.notEqual(other, cookie);
    assert.equal(site.row(cookie), undefined);
    assert.deepEqual(await site.see(keysOf, other), authKeys);
  });

  it("the same user with another hash starts empty under a new key, as Django flushes then", async () => {
    const { site, cookie } = await loggedIn();
    await site.visit((session) => session.set("cart", 1), cookie);
    const next = cookieOf(
      await site.visit((session) => session.login("42", { backend, hash: "f".repeat(64) }), cookie),
    )!;
    assert.notEqual(next.value, cookie);
    assert.deepEqual(await site.see(keysOf, next.value), authKeys);
  });

  it("a user whose id is kept as a number, or as anything, is another user: nothing of that data is kept", async () => {
    const { hash } = await loggedIn();
    for (
      const [i, [json, id]] of ([
        ["7", "7"],
        ["7.0", "7"],
        ["9007199254740993", "9007199254740993"],
        ['""', null],
        ["true", null],
        ["{}", null],
      ] as const).entries()
    ) {
      const site = new DjangoSite();
      const key = await site.put(
        `number${i}`.padEnd(32, "0"),
        `{"_auth_user_id":${json},"_auth_user_backend":"${backend}","_auth_user_hash":"${hash}","card":4711}`,
      );
      assert.deepEqual(
        await site.see((session) => [session.userId ?? null, djangoUser(session)?.id ?? null], key),
        [id, id],
      );
      const after = cookieOf(
        await site.visit((session) => session.login("8", { backend, hash }), key),
      )!.value;
      assert.notEqual(after, key);
      assert.deepEqual(await site.see((session) => [session.userId, session.has("card")], after), [
        "8",
        false,
      ]);
    }
    const site = new DjangoSite();
    const key = await site.put(
      "same".padEnd(32, "0"),
      `{"_auth_user_id":7,"_auth_user_backend":"${backend}","_auth_user_hash":"${hash}","card":4711}`,
    );
    await site.visit((session) => session.login("7", { backend, hash }), key);
    assert.deepEqual(await site.see((session) => [session.userId, session.get("card")], key), ["7", 4711]);
  });

  it("DX-098 log-out: the record is gone and the cookie deleted", async () => {
    const { site, cookie } = await loggedIn();
    const answer = await site.visit(async (session) => {
      await session.logout();
      assert.equal(session.id, undefined);
      assert.equal(session.userId, undefined);
      assert.equal(session.size, 0);
    }, cookie);
    assert.equal(cookieOf(answer)?.isCleared, true);
    assert.equal(site.rows, 0);
  });

  it("a token against forged requests is a new one after every log-in, of the length that Django keeps", async () => {
    const { hash } = await loggedIn();
    for (const [before, length] of [["a".repeat(64), 64], ["b".repeat(32), 32], [7, 32]] as const) {
      const site = new DjangoSite();
      let cookie = await site.begin((session) => session.set("_csrftoken", before));
      const seen = new Set<unknown>([before]);
      for (const user of ["42", "42", "7"]) {
        let token: unknown;
        const answer = await site.visit((session) => {
          session.login(user, { backend, hash });
          token = session.get("_csrftoken");
        }, cookie);
        cookie = cookieOf(answer)!.value;
        assert.match(String(token), /^[A-Za-z0-9]+$/);
        assert.equal(String(token).length, length);
        assert.equal(seen.has(token), false);
        seen.add(token);
        assert.equal(await site.see((session) => session.get("_csrftoken"), cookie), token);
      }
    }
    const site = new DjangoSite();
    await site.visit((session) => {
      session.login("42", { backend, hash });
      assert.equal(session.has("_csrftoken"), false, "where there was none");
    });
  });

  it("a log-in that is made again on fresh data leaves the token that the handler saw", async () => {
    const { site, hash } = await loggedIn();
    for (const before of ["c".repeat(32), undefined]) {
      const cookie = await site.begin((session) =>
        session.assign({ a: 1, ...before && { _csrftoken: before } })
      );
      const [one, other] = [await site.sessions.open(cookie), await site.other().open(cookie)];
      one.login("42", { backend, hash });
      const seen = one.get("_csrftoken");
      other.set("_csrftoken", "d".repeat(32));
      await other.save();
      await one.save();
      const kept = await site.see((session) => session.get("_csrftoken"), one.id!);
      if (before === undefined) assert.match(String(kept), /^(?!d{32}$)[A-Za-z0-9]{32}$/);
      else assert.equal(kept, seen);
    }
  });

  it("needs backend and hash, which are texts", async () => {
    const { site, hash } = await loggedIn();
    await site.visit((session) => {
      assert.throws(() => session.login("42"), { code: "ERR_UNSUPPORTED" });
      assert.throws(() => session.login("42", { backend }), { code: "ERR_UNSUPPORTED" });
      assert.throws(() => session.login("42", { hash }), { code: "ERR_UNSUPPORTED" });
      assert.throws(() => session.login("42", { backend, hash, stamp: "s" }), { code: "ERR_UNSUPPORTED" });
      assert.throws(() => session.login("42", { backend: "", hash }), TypeError);
      assert.throws(() => session.login("42", { backend, hash: 7 as never }), TypeError);
      assert.throws(() => session.login("", { backend, hash }), TypeError);
      assert.equal(session.modified, false);
    });
  });

  it("a log-in while another request writes keeps both", async () => {
    const { site, hash } = await loggedIn();
    const key = await site.begin();
    const [one, other] = [await site.sessions.open(key), await site.other().open(key)];
    one.set("cart", 1);
    other.login("42", { backend, hash });
    await one.save();
    await other.save();
    assert.deepEqual(await site.see(keysOf, other.id!), ["color", "cart", ...authKeys]);
  });

  it("there is no index of users: labels, list and revoke are refused", async () => {
    const site = new DjangoSite();
    const { sessions } = site;
    await site.visit((session) => {
      assert.throws(() => session.setLabel("Firefox"), { code: "ERR_UNSUPPORTED" });
    });
    for (
      const ask of [
        () => sessions.list("42"),
        () => sessions.revoke("f".repeat(64)),
        () => sessions.revoke("short"),
        () => sessions.revoke("f".repeat(64), { userId: "42" }),
        () => sessions.revokeAll("42"),
      ]
    ) {
      await assert.rejects(ask(), { code: "ERR_UNSUPPORTED" });
    }
  });
});

describe("the readers", () => {
  it("djangoUser tells who is logged in, and nobody when a key is missing", async () => {
    const { site, hash, cookie } = await loggedIn();
    assert.deepEqual(await site.see(djangoUser, cookie), { id: "42", backend, hash });
    await site.visit((session) => {
      assert.equal(djangoUser(session), undefined);
      session.assign({ _auth_user_id: "42", _auth_user_hash: hash });
      assert.equal(djangoUser(session), undefined);
      session.set("_auth_user_backend", backend);
      session.delete("_auth_user_hash");
      assert.deepEqual(djangoUser(session), { id: "42", backend, hash: undefined });
      session.set("_auth_user_id", 42);
      assert.equal(djangoUser(session)?.id, "42", "Django writes text, and reads a number too");
      session.set("_auth_user_id", [42]);
      assert.equal(djangoUser(session), undefined);
    });
  });

  it("DX-099 another password, another key or no hash does not verify", async () => {
    const { site, cookie } = await loggedIn();
    await site.visit(async (session) => {
      assert.equal(await verifySessionAuthHash(session, password, secretKey), true);
      assert.equal(await verifySessionAuthHash(session, `${password}x`, secretKey), false);
      assert.equal(await verifySessionAuthHash(session, password, "another key"), false);
      session.delete("_auth_user_hash");
      assert.equal(await verifySessionAuthHash(session, password, secretKey), false);
    }, cookie);
    assert.equal(await site.see((session) => verifySessionAuthHash(session, password, secretKey)), false);
  });

  it("DX-100 a password changed in this session: the key cycled and the hash renewed, it is still logged in", async () => {
    const { site, cookie } = await loggedIn();
    const changed = "pbkdf2_sha256$another";
    const next = cookieOf(
      await site.visit(async (session) => {
        session.cycleKey();
        session.set("_auth_user_hash", await sessionAuthHash(changed, secretKey));
      }, cookie),
    )!.value;
    assert.notEqual(next, cookie);
    assert.equal(await site.see((session) => verifySessionAuthHash(session, changed, secretKey), next), true);
    assert.equal(await site.see((session) => session.userId, next), "42");
  });

  it("DX-101 a hash made with an older secret key verifies with it as fallback", async () => {
    const { site, cookie } = await loggedIn();
    await site.visit(async (session) => {
      assert.equal(await verifySessionAuthHash(session, password, "new", [secretKey]), true);
      assert.equal(await verifySessionAuthHash(session, password, "new", ["other"]), false);
    }, cookie);
  });

  it("the hash is that of Django's vector", async () => {
    assert.equal(
      await sessionAuthHash(password, "django-insecure-public-4k9$x!w2m7q@c0e^z8r5t1y3u6i"),
      "bb94e82bf7943dfab31f5f7839c1520bb5024324706ba7194499183791a75526",
    );
    await assert.rejects(sessionAuthHash(7 as never, secretKey), TypeError);
    await assert.rejects(sessionAuthHash(password, ""), TypeError);
  });

  it("djangoMessages reads what Django's SessionStorage left, and leaves out what is no message", async () => {
    const site = new DjangoSite();
    await site.visit((session) => {
      assert.deepEqual(djangoMessages(session), []);
      session.set(
        "_messages",
        '[["__json_message",0,20,"Saved.","a b"],["__json_message",1,40,"<b>No</b>"],7,["x"]]',
      );
      assert.deepEqual(djangoMessages(session), [
        { message: "Saved.", level: 20, extraTags: "a b", isSafe: false },
        { message: "<b>No</b>", level: 40, extraTags: "", isSafe: true },
      ]);
      for (const rubbish of ["{", "7", 7, null, { a: 1 }, '[["__json_message",0,"x","y"]]']) {
        session.set("_messages", rubbish);
        assert.deepEqual(djangoMessages(session), []);
      }
    });
  });
});
