/** One visitor, two servers: what a real Django site and ours have to make of the same session, for each engine. */

import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import type { Sessions } from "../../../mod.ts";
import {
  djangoMessages,
  djangoUser,
  sessionAuthHash,
  verifySessionAuthHash,
} from "../../../backends/django.ts";
import type { LiveServer } from "../live_server.ts";
import { until } from "../redis/server.ts";
import { type Act, Gates, startOurs } from "./ours.ts";
import { type DjangoSite, type SiteOptions, startDjango, type Step, Visitor } from "./real_site.ts";

/** An engine on both sides. */
export interface LiveCase {
  /** What the site differs in. */
  site(): MaybePromise<SiteOptions>;
  /** Our half. */
  sessions(site: DjangoSite): MaybePromise<Sessions>;
  /** Whether there are records on the server, which can be ended and compared. */
  readonly isHeld: boolean;
  /** Whether a custom expiry ends a session on the server: Django ignores it in files and cookies. */
  readonly endsByNumber: boolean;
  /** Whether a row that has expired is still there until somebody clears it. */
  readonly keepsExpired: boolean;
  /** Whether a request of Django's that reads while we write may leave what was before in Django's cache for a moment. */
  readonly isCached?: boolean;
}

type MaybePromise<T> = T | Promise<T>;

const backend = "django.contrib.auth.backends.ModelBackend";

/** The numbers from 0 up to, not including, a limit. */
const upTo = (limit: number) => Array.from({ length: limit }, (_, i) => i);

/** Registers the tests. */
export function testLive({ site: siteOptions, sessions: make, isHeld, ...traits }: LiveCase): void {
  let site: DjangoSite;
  let sessions: Sessions;
  let ours: LiveServer;
  const gates = new Gates();
  const acts: Record<string, Act> = {
    wait: (_, [name]) => gates.wait(name as string),
    user: (session) => djangoUser(session) ?? null,
    verify: (session, [password]) => verifySessionAuthHash(session, password as string, site.secretKey),
    login: async (session, [id, password]) => {
      const hash = await sessionAuthHash(password as string, site.secretKey);
      session.login(String(id), { backend, hash });
    },
    renew: async (session, [password]) => {
      session.cycleKey();
      session.set("_auth_user_hash", await sessionAuthHash(password as string, site.secretKey));
    },
    messages: (session) => djangoMessages(session),
  };
  before(async () => {
    site = await startDjango(await siteOptions());
    sessions = await make(site);
    ours = startOurs(sessions, acts);
  });
  after(async () => {
    await ours?.[Symbol.asyncDispose]();
    await sessions?.close();
    await site?.[Symbol.asyncDispose]();
  });
  const visitor = () => new Visitor({ django: site.url, ours: ours.url });
  /** The same browser in another tab: it has the cookies of this moment. */
  const copyOf = (one: Visitor) => {
    const other = visitor();
    for (const [name, value] of one.client.cookies) other.client.cookies.set(name, value);
    return other;
  };
  const user = async (name: string) => (await visitor().django(["user", name]))[0];
  const value = {
    text: 'Grüße, \u{1F600}\u007f"\\/',
    list: [1, 2.5, -3, true, null, { deep: [{}, []] }],
    big: 9007199254740991,
    __proto__x: "",
  };

  it("what is set there is read here, and the other way round", async () => {
    const one = visitor();
    await one.django(["set", "theirs", value]);
    assert.deepEqual(await one.ours(["get", "theirs"]), [value]);
    await one.ours(["set", "ours", value]);
    assert.deepEqual(await one.django(["data"]), [{ theirs: value, ours: value }]);
    await one.django(["delete", "theirs"]);
    await one.ours(["set", "10", "ten"]);
    assert.deepEqual(await one.django(["data"]), [{ ours: value, "10": "ten" }]);
  });

  it("a session that began here has a key that Django keeps", async () => {
    const one = visitor();
    await one.ours(["set", "a", 1]);
    const { key } = one;
    if (isHeld) assert.match(key!, /^[a-z0-9]{32}$/);
    await one.django(["set", "b", 2]);
    if (isHeld) assert.equal(one.key, key);
    assert.deepEqual(await one.ours(["data"]), [{ a: 1, b: 2 }]);
  });

  it("who logs in there is logged in here, with a hash that can be checked", async () => {
    const one = visitor();
    await one.django(["set", "cart", [1]], ["login", "ada"]);
    const { id, password, hash } = await user("ada");
    assert.deepEqual(await one.ours(["user"], ["get", "cart"], ["verify", password]), [
      { id: String(id), backend, hash },
      [1],
      true,
    ]);
    assert.deepEqual(await one.ours(["verify", (await user("grace")).password]), [false]);
  });

  it("who logs in here is logged in there", async () => {
    const one = visitor();
    await one.django(["set", "cart", [1]]);
    const { key } = one;
    const { id, password } = await user("grace");
    await one.ours(["login", id, password]);
    assert.notEqual(one.key, key);
    assert.deepEqual(await one.django(["who"], ["get", "cart"]), ["grace", [1]]);
    const before = one.key;
    await one.django(["login", "grace"]);
    if (isHeld) assert.equal(one.key, before, "the same user again keeps the key");
    await one.ours(["login", (await user("ada")).id, (await user("ada")).password]);
    assert.deepEqual(await one.django(["who"], ["get", "cart"]), ["ada", null]);
  });

  it("a made-up log-in is none for Django", async () => {
    const one = visitor();
    await one.ours(["login", (await user("ada")).id, "another password's hash"]);
    assert.deepEqual(await one.django(["who"]), [null]);
  });

  it("who logs out on one side is logged out on the other", async () => {
    for (const [side, other] of [["django", "ours"], ["ours", "django"]] as const) {
      const one = visitor();
      await one.django(["login", "ada"], ["set", "cart", 1]);
      const tab = copyOf(one);
      await one.send(side, [[side === "django" ? "logout" : "flush"]]);
      assert.equal(one.key, undefined);
      assert.deepEqual(await one[other](["data"]), [{}]);
      if (isHeld) assert.deepEqual(await tab[other](["data"]), [{}]);
    }
  });

  it("a password that is changed there ends the log-in here, but for the session that changed it", async () => {
    const one = visitor();
    await one.django(["login", "grace"]);
    const tab = copyOf(one);
    const before = (await user("grace")).password;
    assert.deepEqual(await one.ours(["verify", before]), [true]);
    await one.django(["password", "another"]);
    const { password } = await user("grace");
    assert.deepEqual(await one.ours(["verify", password], ["verify", before]), [true, false]);
    if (isHeld) assert.deepEqual(await tab.ours(["user"]), [null]);
    else assert.deepEqual(await tab.ours(["verify", password]), [false]);
  });

  it("a password that is changed here ends the log-ins but for the session that changed it, which keeps its data", async () => {
    const [here, elsewhere] = [visitor(), visitor()];
    for (const one of [here, elsewhere]) await one.django(["login", "ada"], ["set", "cart", ["Grüße"]]);
    const tab = copyOf(here);
    // What a form of ours writes into the column; the session that does it is not ours here
    await elsewhere.django(["password", "correct horse again"]);
    await elsewhere.django(["flush"]);
    const { password } = await user("ada");
    await here.ours(["renew", password]);
    assert.deepEqual(await here.django(["who"], ["get", "cart"]), ["ada", ["Grüße"]]);
    assert.deepEqual(await here.ours(["verify", password]), [true]);
    assert.deepEqual(await tab.django(["who"]), [null]);
    await here.ours(["login", (await user("ada")).id, "another password's hash"]);
    assert.deepEqual(await here.ours(["get", "cart"]), [null], "a log-in with another hash empties the cart");
  });

  it("messages that Django left are read here", async () => {
    const one = visitor();
    await one.django(["tell", 25, "Saved „it“.", "big"], ["tell", 40, "No."]);
    const [messages] = await one.ours(["messages"]);
    assert.deepEqual(messages, [
      { message: "Saved „it“.", level: 25, extraTags: "big", isSafe: false },
      { message: "No.", level: 40, extraTags: "", isSafe: false },
    ]);
    assert.deepEqual(await one.django(["told"]), [[[25, "Saved „it“.", "big"], [40, "No.", ""]]]);
    assert.deepEqual(await one.ours(["messages"]), [[]]);
  });

  it("a lifetime that is set on one side is that of the other", async () => {
    for (const [side, other] of [["django", "ours"], ["ours", "django"]] as const) {
      const one = visitor();
      const { headers } = await one.send(side, [["set", "a", 1], ["expiry", 300]]);
      assert.match(headers.get("set-cookie")!, /; Max-Age=300(;|$)/);
      assert.deepEqual(await one[other](["age"], ["get", "a"]), [300, 1]);
      const ended = await one.send(side, [["expiry", 0]]);
      assert.doesNotMatch(ended.headers.get("set-cookie")!, /max-age|expires/i);
      const again = await one.send(other, [["set", "b", 1]]);
      assert.doesNotMatch(again.headers.get("set-cookie")!, /max-age|expires/i);
      await one.send(side, [["expiry", null]]);
      assert.deepEqual(await one[other](["age"], ["data"]), [1_209_600, { a: 1, b: 1 }]);
    }
  });

  if (traits.endsByNumber) {
    it("a session that ends on one side has ended on the other", async () => {
      for (const [side, other] of [["django", "ours"], ["ours", "django"]] as const) {
        const one = visitor();
        await one.send(side, [["set", "a", 1]]);
        const tab = copyOf(one);
        await one.send(side, [["expiry", -10]]);
        assert.deepEqual(await tab[other](["data"]), [{}]);
        assert.equal(tab.key, undefined, "a key that leads nowhere is taken back");
      }
    });
  }

  if (traits.keepsExpired) {
    it("each side clears what expired on the other, and no more", async () => {
      const [live, old, older] = [visitor(), visitor(), visitor()];
      await live.ours(["set", "a", 1]);
      await old.ours(["set", "a", 1], ["expiry", -10]);
      await site.call("clearsessions");
      assert.deepEqual(await live.django(["data"]), [{ a: 1 }]);
      await sessions.clearExpired();
      await older.django(["set", "a", 1], ["expiry", -10]);
      assert.equal(await sessions.clearExpired(), 1);
      assert.deepEqual(await live.django(["data"]), [{ a: 1 }]);
    });
  }

  if (!isHeld) return;

  it("a key that is cycled on one side is dead on both, and the data goes along", async () => {
    for (const [side, other] of [["django", "ours"], ["ours", "django"]] as const) {
      const one = visitor();
      await one.django(["set", "a", 1]);
      const tab = copyOf(one);
      await one.send(side, [["cycle"]]);
      assert.notEqual(one.key, tab.key);
      assert.deepEqual(await one[other](["data"]), [{ a: 1 }]);
      for (const where of ["django", "ours"] as const) {
        assert.deepEqual(await copyOf(tab)[where](["data"]), [{}]);
      }
    }
  });

  it("what Django wrote between our load and our save is kept, and so is ours", async () => {
    const one = visitor();
    await one.django(["set", "n", 1], ["set", "gone", 1]);
    const slow = one.ours(["get", "n"], ["wait", "between"], ["set", "ours", 1], ["add", "n", 10]);
    await Promise.race([gates.reached("between"), slow]);
    await copyOf(one).django(["add", "n", 1], ["set", "theirs", 1], ["delete", "gone"]);
    gates.open("between");
    await slow;
    assert.deepEqual(await one.django(["data"]), [{ n: 12, theirs: 1, ours: 1 }]);
  });

  it("30 writers on both sides, ours open while Django's come and go: nothing is lost", async () => {
    const one = visitor();
    await one.django(["set", "n", 0]);
    for (const round of upTo(5)) {
      const slow = upTo(5).map((i) =>
        copyOf(one).ours(["get", "n"], ["wait", `round ${round}`], ["add", "n", 1], [
          "set",
          `o${round}-${i}`,
          i,
        ])
      );
      await Promise.race([gates.reached(`round ${round}`, 5), ...slow]);
      await copyOf(one).django(["add", "n", 1], ["set", `d${round}`, round]);
      gates.open(`round ${round}`);
      await Promise.all(slow);
    }
    const [data] = await one.django(["data"]);
    const expected: Record<string, number> = { n: 30 };
    for (const round of upTo(5)) {
      expected[`d${round}`] = round;
      for (const i of upTo(5)) expected[`o${round}-${i}`] = i;
    }
    assert.deepEqual(data, expected);
    assert.deepEqual(await one.ours(["data"]), [expected]);
  });

  it("30 of our writers at once, with Django's beside them: none of Django's is lost, none of ours to ours", async () => {
    const one = visitor();
    await one.ours(["set", "start", 1]);
    // Django's requests overwrite whatever came while they ran, so they have theirs to themselves for the load and the save
    const theirs = (async () => {
      for (const i of upTo(5)) {
        await copyOf(one).django(["get", "start"]);
        await copyOf(one).ours(["set", `r${i}`, 1]);
      }
    })();
    await Promise.all([
      theirs,
      ...upTo(25).map((i) => copyOf(one).ours(["set", `o${i}`, i], ["add", "n", 1])),
    ]);
    if (traits.isCached) await until(async () => (await one.django(["get", "n"]))[0] === 25);
    const [data] = await one.django(["data"]);
    assert.equal(data.n, 25);
    for (const i of upTo(25)) assert.equal(data[`o${i}`], i);
    for (const i of upTo(5)) assert.equal(data[`r${i}`], 1);
  });

  it("a session that ends on one side while a request of the other runs is a 400, and stays ended", async () => {
    const steps: Step[] = [["get", "a"], ["wait", "gone here"], ["set", "a", 2]];
    const first = visitor();
    await first.django(["set", "a", 1]);
    const slowHere = copyOf(first).send("ours", steps);
    await Promise.race([gates.reached("gone here"), slowHere]);
    await copyOf(first).django(["flush"]);
    gates.open("gone here");
    const here = await slowHere;
    assert.equal(here.status, 400);
    assert.equal(here.headers.get("set-cookie"), null);
    assert.deepEqual(await copyOf(first).django(["data"]), [{}]);

    const second = visitor();
    await second.ours(["set", "a", 1]);
    const slowThere = copyOf(second).send("django", [["get", "a"], ["wait", "there"], ["set", "a", 2]]);
    await Promise.race([site.call("reached/there"), slowThere]);
    await copyOf(second).ours(["flush"]);
    await site.call("open/there");
    assert.equal((await slowThere).status, 400);
    assert.deepEqual(await copyOf(second).ours(["data"]), [{}]);
  });

  it("a key that leads nowhere is never taken for a new session", async () => {
    for (const side of ["django", "ours"] as const) {
      const one = visitor();
      one.client.cookies.set("sessionid", "planted0planted0planted0planted0");
      await one.send(side, [["set", "a", 1]]);
      assert.notEqual(one.key, "planted0planted0planted0planted0");
      assert.deepEqual(await one.django(["data"]), [{ a: 1 }]);
    }
  });
}
