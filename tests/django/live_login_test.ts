/** A real Django site and a log-in here: its forms work on, and what it remembers beside the sessions stays whole. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { DjangoDbStore, djangoSessions, djangoUser } from "../../backends/django.ts";
import type { SessionError } from "../../mod.ts";
import { startOurs } from "../support/django/ours.ts";
import { djangoFound, startDjango, Visitor } from "../support/django/real_site.ts";
import { needs } from "../support/needs.ts";
import { connect, run } from "../support/sqlite/rig.ts";

const backend = "django.contrib.auth.backends.ModelBackend";

/** A site and our half of it. */
async function begin(options: Parameters<typeof startDjango>[0]) {
  const site = await startDjango(options);
  const store = await DjangoDbStore.open(site.path);
  const onError = ({ code }: SessionError) =>
    new Response(code, { status: code === "ERR_UNSUPPORTED" ? 500 : 503 });
  const sessions = djangoSessions({ secretKey: site.secretKey, store, onError });
  const ours = startOurs(sessions, {
    logout: (session) => session.logout(),
    login: (session, [user]) => {
      const { id, hash } = user as { id: number; hash: string };
      session.login(String(id), { backend, hash });
      return session.get("_csrftoken");
    },
    who: (session) => djangoUser(session)?.id,
  });
  const visitor = () => new Visitor({ django: site.url, ours: ours.url });
  const end = async () => {
    await ours[Symbol.asyncDispose]();
    await store.close();
    await site[Symbol.asyncDispose]();
  };
  return { site, ours, sessions, visitor, end };
}

type Begun = Awaited<ReturnType<typeof begin>>;

/** The token of a form on a page of Django's. */
async function tokenOf(visitor: Visitor): Promise<string> {
  return (await (await visitor.client.fetch("/django/form")).json()).token;
}

/** How Django answers when a form is sent. */
async function post(visitor: Visitor, token: string): Promise<number> {
  const response = await visitor.client.fetch("/django/form", {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ csrfmiddlewaretoken: token }).toString(),
  });
  await response.body?.cancel();
  return response.status;
}

describe("live: forms of a site with CSRF_USE_SESSIONS", needs("python3-django", djangoFound), () => {
  let begun: Begun;
  before(async () => void (begun = await begin({ settings: { CSRF_USE_SESSIONS: true } })));
  after(() => begun?.end());

  it("a log-in here makes the forms of before worthless, and those that follow work", async () => {
    const visitor = begun.visitor();
    const before = await tokenOf(visitor);
    assert.equal(await post(visitor, before), 200);
    const [ada, grace] = await visitor.django(["user", "ada"], ["user", "grace"]);
    const [kept] = await visitor.ours(["get", "_csrftoken"]);
    const seen = [kept];
    for (const user of [ada, ada, grace]) {
      const form = await tokenOf(visitor);
      const [token] = await visitor.ours(["login", user]);
      assert.match(token, /^[0-9A-Za-z]+$/);
      assert.equal(token.length, kept.length);
      assert.equal(seen.includes(token), false, "a new one");
      seen.push(token);
      assert.deepEqual(await visitor.ours(["get", "_csrftoken"]), [token]);
      assert.equal(await post(visitor, form), 403, "what was shown before the log-in");
      assert.equal(await post(visitor, await tokenOf(visitor)), 200);
    }
  });

  it("where Django keeps no token there is none afterwards", async () => {
    const visitor = begun.visitor();
    const [ada] = await visitor.django(["user", "ada"]);
    assert.deepEqual(await visitor.ours(["login", ada]), [null]);
    assert.equal(await post(visitor, await tokenOf(visitor)), 200);
  });
});

describe("live: a table that refers to Django's sessions", needs("python3-django", djangoFound), () => {
  let begun: Begun;
  before(async () => void (begun = await begin({ related: true })));
  after(() => begun?.end());

  /** A visitor whom Django logged in and whose session it remembers. */
  async function remembered(): Promise<Visitor> {
    const visitor = begun.visitor();
    await visitor.django(["login", "ada"], ["set", "cart", "ä"], ["remember"]);
    return visitor;
  }

  /** The rows of sessions under a key: what they hold. */
  function stored(key: string): unknown {
    const database = connect(begun.site.path);
    try {
      return run(database, `SELECT session_data FROM django_session WHERE session_key = '${key}'`);
    } finally {
      database.close();
    }
  }

  it("log-out, log-in, a new key and clearing work, and nothing refers to what is not there", async () => {
    const [out, over, cycled, old, free] = [
      await remembered(),
      await remembered(),
      await remembered(),
      await remembered(),
      begun.visitor(),
    ];
    const keys = [out, over, cycled, old].map(({ key }) => key!);
    const [grace] = await out.django(["user", "grace"]);

    await out.ours(["logout"]);
    assert.equal(out.key, undefined);
    await over.ours(["login", grace]);
    assert.deepEqual(await over.django(["who"], ["get", "cart"]), ["grace", null]);
    await cycled.ours(["cycle"]);
    assert.deepEqual(await cycled.django(["who"], ["get", "cart"]), ["ada", "ä"]);
    for (const key of keys.slice(0, 3)) {
      assert.equal(stored(key), "", "emptied");
      const thief = begun.visitor();
      for (const side of ["ours", "django"] as const) {
        thief.client.cookies.set("sessionid", key);
        assert.deepEqual(await thief[side](["data"]), [{}]);
      }
    }

    await free.django(["set", "a", 1], ["expiry", -5]);
    await old.django(["expiry", -5]);
    assert.equal(await begun.sessions.clearExpired(), 2);
    assert.equal(await begun.sessions.clearExpired(), 0);
    assert.equal(stored(free.key!), undefined, "removed");
    assert.equal(stored(old.key ?? keys[3]!), "", "emptied");

    assert.deepEqual((await begun.site.call("devices")).keys, keys);
    await begun.site.call("migrate");
    // Django removes what refers to them first
    await begun.site.call("clearsessions");
    assert.deepEqual((await begun.site.call("devices")).keys, []);
    for (const key of keys) assert.equal(stored(key), undefined);
    assert.deepEqual(await cycled.ours(["get", "cart"]), ["ä"]);
  });
});

describe("live: a site that pickles its sessions", needs("python3-django", djangoFound), () => {
  let begun: Begun;
  before(async () => {
    const settings = { SESSION_SERIALIZER: "django.contrib.sessions.serializers.PickleSerializer" };
    begun = await begin({ settings });
  });
  after(() => begun?.end());

  it("is told so, and its visitors stay logged in there", async () => {
    const visitor = begun.visitor();
    await visitor.django(["login", "ada"], ["set", "cart", "ä"]);
    for (const step of [["get", "cart"], ["set", "cart", 1], ["logout"]] as const) {
      const { status, headers } = await visitor.send("ours", [step]);
      assert.deepEqual([status, headers.getSetCookie()], [500, []]);
    }
    assert.deepEqual(await visitor.django(["who"], ["get", "cart"]), ["ada", "ä"]);
    await assert.rejects(begun.sessions.open(visitor.key), {
      code: "ERR_UNSUPPORTED",
      message: /SESSION_SERIALIZER/,
    });
  });
});
