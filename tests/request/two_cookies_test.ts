/** Several cookies of one name, as after a change of the cookie's path or domain, on a real server. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import {
  createSessions,
  type Session,
  type SessionEvent,
  type Sessions,
  type SessionsOptions,
} from "../../mod.ts";
import { secret } from "../support/identity_rig.ts";
import { listen } from "../support/live_server.ts";

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly fields: readonly string[];
}

interface Site {
  readonly sessions: Sessions;
  readonly store: MemoryStore;
  readonly events: SessionEvent[];
  /** One request with these cookies for what the path says. */
  ask(path: string, ...cookies: string[]): Promise<Answer>;
  /** The cookie of a new session that bears this mark. */
  begin(mark?: string): Promise<string>;
}

const does: Record<string, (session: Session, mark: string) => unknown> = {
  read: (session) => `${session.get("mark", "anonymous")} ${session.userId}`,
  begin: (session, mark) => session.set("mark", mark).size,
  login: (session) => session.login("ann"),
  cycle: (session) => session.cycleKey(),
  logout: (session) => session.logout(),
  flush: (session) => session.flush(),
};

/** A server on this runtime for as long as `work` takes. */
async function withSite(work: (site: Site) => Promise<void>, options: Partial<SessionsOptions> = {}) {
  const store = new MemoryStore();
  const events: SessionEvent[] = [];
  const sessions = createSessions({
    store,
    secrets: [secret(1)],
    cookie: { name: "sid", secure: false },
    onEvent: (event) => void events.push(event),
    ...options,
  });
  await using server = listen(sessions.wrap(async (request) => {
    const [, path, mark = ""] = new URL(request.url).pathname.split("/");
    return new Response(String(await does[path!]!(await request.session, mark)));
  }));
  const ask = async (path: string, ...cookies: string[]) => {
    const headers: HeadersInit = cookies.length === 0 ? {} : { cookie: cookies.join("; ") };
    const answer = await fetch(`${server.url}/${path}`, { headers });
    return { status: answer.status, text: await answer.text(), fields: answer.headers.getSetCookie() };
  };
  const begin = async (mark = "mine") => pairOf((await ask(`begin/${mark}`)).fields[0]!);
  await work({ sessions, store, events, ask, begin });
}

const pairOf = (field: string) => field.split(";", 1)[0]!;
const isClearing = (field: string) => /^sid=;.*; Max-Age=0/.test(field);
const reasons = (events: SessionEvent[], type: string) =>
  events.filter((event) => event.type === type).map(({ reason }) => reason);

describe("two live cookies of one name", () => {
  it("SR-016 are believed neither of them, and reading ends none", async () => {
    await withSite(async ({ ask, begin, store, events }) => {
      const two = [await begin("one"), await begin("two")];
      for (const order of [two, two.toReversed()]) {
        assert.deepEqual(await ask("read", ...order), {
          status: 200,
          text: "anonymous undefined",
          fields: [],
        });
      }
      assert.equal(store.size, 2);
      assert.deepEqual(reasons(events, "rejected"), ["ambiguous", "ambiguous"]);
    });
  });

  for (const way of ["logout", "flush"]) {
    it(`SR-033 ${way} ends both sessions and clears the cookie`, async () => {
      await withSite(async ({ ask, begin, store, events }) => {
        const two = [await begin("one"), await begin("two")];
        const answer = await ask(way, ...two);
        assert.equal(answer.status, 200);
        assert.deepEqual(answer.fields.map(isClearing), [true]);
        assert.equal(store.size, 0);
        assert.equal(reasons(events, "ended").length, 2);
        for (const cookie of two) assert.equal((await ask("read", cookie)).text, "anonymous undefined");
      });
    });
  }

  it("SR-031 a log-in ends both, and the next page is logged in, also with the cookie that stays beside the new one", async () => {
    await withSite(async ({ ask, begin, store, events, sessions }) => {
      const two = [await begin("one"), await begin("two")];
      const answer = await ask("login", ...two);
      assert.deepEqual([answer.status, answer.fields.length], [200, 1]);
      assert.equal(store.size, 1);
      assert.equal((await sessions.list("ann")).length, 1);
      assert.equal(reasons(events, "ended").length, 2);
      const mine = pairOf(answer.fields[0]!);
      // The browser has replaced one of the two, and the other has another path.
      for (const stays of two) {
        for (const cookies of [[stays, mine], [mine, stays]]) {
          assert.equal((await ask("read", ...cookies)).text, "anonymous ann");
        }
      }
      assert.equal(store.size, 1);
    });
  });

  it("SR-033 of which one's id was replaced: a log-out ends both all the same", async () => {
    await withSite(async ({ ask, begin, store }) => {
      const two = [await begin("one"), await begin("two")];
      await ask("cycle", two[0]!);
      assert.equal((await ask("read", ...two)).text, "two undefined");
      assert.deepEqual((await ask("logout", ...two)).fields.map(isClearing), [true]);
      assert.equal(store.size, 0);
    });
  });

  it("are cleared both when there is a domain, by a log-out and by a log-in", async () => {
    const cookie = { name: "sid", secure: false, domain: "site.test" } as const;
    await withSite(async ({ ask, begin, store }) => {
      const two = [await begin("one"), await begin("two")];
      const { fields } = await ask("login", ...two);
      assert.deepEqual(fields.map((field) => [isClearing(field), field.includes("Domain=site.test")]), [
        [true, false],
        [false, true],
      ]);
      const cleared = (await ask("logout", pairOf(fields[1]!))).fields;
      assert.ok(cleared.every(isClearing));
      assert.deepEqual(cleared.map((field) => field.includes("Domain=site.test")), [true, false]);
      assert.equal(store.size, 0);
    }, { cookie });
  });

  it("SR-006 of which one is forged: it ends nothing, and with nothing of ours beside it nothing is cleared", async () => {
    await withSite(async ({ ask, begin, store, sessions }) => {
      const mine = await begin("mine");
      const other = createSessions({ store, secrets: [secret(2)], cookie: { name: "sid", secure: false } });
      let theirs = "";
      const answer = await other.wrap(async (request) => {
        (await request.session).set("mark", "theirs");
        return new Response();
      })(new Request("http://site.test/"));
      theirs = pairOf(answer.headers.getSetCookie()[0]!);
      const half = mine.slice(0, "sid=".length + 16);
      const forged = `${half}${"A".repeat(16)}.${"A".repeat(43)}`;
      for (const cookies of [[theirs], [forged], [theirs, forged], ["sid=junk"]]) {
        for (const way of ["logout", "flush", "read"]) {
          assert.deepEqual((await ask(way, ...cookies)).fields, [], `${way} ${cookies.length}`);
        }
      }
      assert.equal(store.size, 2);
      assert.deepEqual((await ask("logout", mine, theirs, forged)).fields.map(isClearing), [true]);
      assert.equal(store.size, 1, "the other application's session lives");
      assert.equal((await ask("read", mine)).text, "anonymous undefined");
      await sessions.close();
    });
  });
});
