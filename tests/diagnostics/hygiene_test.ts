import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as library from "../../mod.ts";
import { createSessions, type Session, type SessionsOptions } from "../../mod.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { storageKey } from "../../src/crypto/session_id.ts";
import { addToken, assertClean, makeCanaries, printed, shown } from "../support/canaries.ts";
import { makeSite, type Site, tokenOf } from "../support/identity_rig.ts";

/** A site whose secrets and sessions are canaries, and what its handlers and `onError` got to see. */
function makeGuarded(options: Partial<SessionsOptions> = {}) {
  const canaries = makeCanaries();
  const errors: unknown[] = [];
  const site = makeSite({ secrets: [canaries.secret, canaries.words.get("word secret")!], ...options });
  const value = canaries.words.get("value")!;
  const fill = (session: Session) => {
    session.login(canaries.words.get("user")!);
    session.set("mark", value);
    session.set("deep", { list: [value, { value }] });
  };
  /** The error that `work` or the commit ends in, or the answer. */
  const visit = async (cookie: string | undefined, work: (session: Session) => unknown) => {
    try {
      return await site.visit(cookie, async (session) => {
        try {
          return await work(session);
        } catch (error) {
          errors.push(error);
          throw error;
        }
      });
    } catch (error) {
      errors.push(error);
      return error;
    }
  };
  const start = async () => {
    const token = tokenOf(await site.visit(undefined, fill));
    addToken(canaries, token);
    return `__Host-sid=${token}`;
  };
  return { canaries, errors, site, fill, visit, start, value };
}

const big = (text: string) => text.repeat(10_000);

/** Each way into an error; `mine` is the cookie of a live session full of canaries. */
const troubles: Record<string, (made: ReturnType<typeof makeGuarded>, mine: string) => Promise<unknown>> = {
  "a value the codec refuses": ({ visit, value }, mine) =>
    visit(mine, (session) => session.set("mark", { [`x`]: [value, () => value] })),
  "a class instance": ({ visit, value }, mine) =>
    visit(mine, (session) => session.set("mark", new Map([[value, value]]))),
  "a bigint beside the value": ({ visit, value }, mine) =>
    visit(mine, (session) => session.set("mark", [value, 1n])),
  "too much data": ({ visit, value }, mine) => visit(mine, (session) => session.set("mark", big(value))),
  "too much data, saved by hand": ({ visit, value }, mine) =>
    visit(mine, async (session) => {
      session.set("mark", big(value));
      await session.save();
    }),
  "a promise from update": ({ visit, value }, mine) =>
    visit(mine, (session) => session.update("mark", () => Promise.resolve(value))),
  "an expiry of the wrong kind": ({ visit, value }, mine) =>
    visit(mine, (session) => session.setExpiry(value as unknown as number)),
  "a label of the wrong kind": ({ visit, value }, mine) =>
    visit(mine, (session) => session.setLabel([value] as unknown as string)),
  "a user of the wrong kind": ({ visit, value }, mine) =>
    visit(mine, (session) => session.login({ value } as unknown as string)),
  "a store that is down": ({ visit, site, fill }, mine) => {
    site.store.fault = () => {
      throw new Error("connection refused");
    };
    return visit(mine, fill);
  },
  "a store that answers nonsense": ({ visit, site, value, fill }, mine) => {
    site.store.fault = () => ({ data: 1, value });
    return visit(mine, fill);
  },
  "a store that is down when saving": ({ visit, site, fill }, mine) => {
    site.store.fault = (method) => {
      if (method !== "load") throw new Error("disk full");
    };
    return visit(mine, fill);
  },
  "a record that is damaged": ({ visit, site, value }, mine) => {
    site.store.fault = (method) =>
      method === "load"
        ? { data: `}${value}`, createdAt: 1, touchedAt: 1, expiresAt: 9e12, version: "1" }
        : undefined;
    return visit(mine, (session) => session.get("mark"));
  },
  "a session that is gone": ({ visit, site }, mine) =>
    visit(mine, async (session) => {
      await site.store.inner.delete(await storageKey(session.id!));
      session.set("mark", "late");
    }),
  "a session that is closed": async ({ visit, errors, value }, mine) => {
    let kept: Session | undefined;
    await visit(mine, (session) => kept = session);
    for (
      const late of [
        () => kept!.set("mark", value),
        () => kept!.clear(),
        () => kept!.save(),
        () => kept!.flush(),
      ]
    ) {
      try {
        await late();
      } catch (error) {
        errors.push(error);
      }
    }
  },
  "a request that was not wrapped": async ({ site, errors }, mine) => {
    const request = new Request("https://site.test/", { headers: { cookie: mine } });
    for (const use of [() => site.sessions.get(request), () => site.sessions.headersFor(request)]) {
      await use().catch((error) => errors.push(error));
    }
  },
};

describe("what shows of sessions", () => {
  for (const [what, run] of Object.entries(troubles)) {
    it(`SR-068 no id, secret, cookie or value shows in the errors of ${what}`, async () => {
      const seen: unknown[] = [];
      const made = makeGuarded({
        onError: (error) => {
          seen.push(error);
          return new Response(`answer ${error}`);
        },
      });
      const mine = await made.start();
      const text = await printed(async () => void await run(made, mine));
      const all = [...made.errors, ...seen];
      if (what !== "a record that is damaged") assert.ok(all.length > 0, "there was an error");
      for (const one of all) assertClean(one, made.canaries, `the error of ${what}`);
      assertClean(text, made.canaries, "the output");
      for (const event of made.site.events) assertClean(event, made.canaries, "an event");
    });
  }

  it("SR-068 a schema's complaint does not show what it complained about", async () => {
    const canary = makeCanaries();
    const schema: NonNullable<SessionsOptions["schema"]> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) =>
          (value as Record<string, unknown>)["mark"] === "fine"
            ? { value: value as Record<string, unknown> }
            : { issues: [{ message: `expected "fine", received ${JSON.stringify(value)}`, path: ["mark"] }] },
      },
    };
    const made = makeGuarded({ schema });
    const error = await made.visit(undefined, (session) => session.set("mark", canary.words.get("value")!));
    assert.ok(error instanceof Error);
    for (const one of made.errors) assertClean(one, canary, "the error of a schema");
  });

  it("SR-068 a codec's own error does not show what it choked on", async () => {
    const canary = makeCanaries();
    const value = canary.words.get("value")!;
    const codec = {
      encode: (data: unknown) => {
        const text = JSON.stringify(data);
        if (text.includes(value)) throw new Error(`cannot encode ${text}`);
        return text;
      },
      decode: (text: string) => JSON.parse(text),
    };
    const made = makeGuarded({ codec });
    const error = await made.visit(undefined, (session) => session.set("mark", value));
    assert.ok(error instanceof Error);
    for (const one of made.errors) assertClean(one, canary, "the error of a codec");
  });

  it("SR-068 sessions, the object that makes them, requests and stores show nothing when they are printed", async () => {
    const { canaries, site, fill, start } = makeGuarded();
    const mine = await start();
    const shownThings: [string, unknown][] = [["the sessions object", site.sessions], [
      "the module",
      library,
    ]];
    let request: Request | undefined;
    const handler = site.sessions.wrap(async (one) => {
      request = one;
      const session = await one.session;
      shownThings.push(["an untouched session", session], ["its promise", one.session]);
      assertClean(session, canaries, "a session before it is used");
      fill(session);
      assertClean(session, canaries, "a session in use");
      session.cycleKey();
      await session.save();
      assertClean(session, canaries, "a session after a save");
      return new Response();
    });
    addToken(
      canaries,
      tokenOf(await handler(new Request("https://site.test/", { headers: { cookie: mine } }))),
    );
    const opened = await site.sessions.open(canaries.words.get("id"));
    assert.equal(opened.get("mark"), canaries.words.get("value"));
    shownThings.push(["an opened session", opened], [
      "the list of a user",
      await site.sessions.list(canaries.words.get("user")!),
    ]);
    for (const [what, thing] of shownThings) assertClean(thing, canaries, what);
    // The runtime itself shows the headers of a request, the cookie among them: the library must not add to that.
    const own = Object.getOwnPropertyNames(request!).concat(Object.keys(request!));
    assert.ok(!own.includes("session"));
    for (const key in request) assert.notEqual(key, "session", "request.session is not enumerable");
    assert.ok(!shown(request).includes(canaries.words.get("value")!));
  });

  it("SR-068 stores show neither data nor keys when they are printed", async () => {
    for (const store of [new MemoryStore(), await SqliteStore.open(":memory:")]) {
      const canaries = makeCanaries();
      const sessions = createSessions({ store, secrets: [canaries.secret] });
      const session = await sessions.open();
      session.set("mark", canaries.words.get("value")!);
      await session.save();
      canaries.words.set("id", session.id!);
      canaries.words.set("storage key", await storageKey(session.id!));
      assertClean(store, canaries, store.constructor.name);
      await sessions.close();
    }
  });

  it("SR-068 looking at a session or a request in a log loads nothing and uses nothing", async () => {
    const { site, start }: { site: Site; start(): Promise<string> } = makeGuarded();
    const mine = await start();
    const calls = site.store.count();
    const looking = site.sessions.wrap((request) => new Response(String(shown(request).length > 0)));
    assert.equal(
      (await looking(new Request("https://site.test/", { headers: { cookie: mine } }))).headers.get("vary"),
      null,
    );
    assert.equal(site.store.count(), calls);
    const awaiting = site.sessions.wrap(async (request) =>
      new Response(String(shown(await request.session).length > 0))
    );
    const answer = await awaiting(new Request("https://site.test/", { headers: { cookie: mine } }));
    assert.equal(answer.headers.get("vary"), null, "showing is not using");
    assert.equal(site.store.count(), calls + 1);
  });

  it("SR-068 the refusal of a secret or a cookie option shows no secret", () => {
    const canaries = makeCanaries();
    const word = canaries.words.get("word secret")!;
    const wrong: unknown[] = [
      { secrets: word },
      { secrets: { word } },
      { secrets: [word.slice(0, 31)] },
      { secrets: [word, 1] },
      { secrets: [[word]] },
      { secrets: [canaries.secret.subarray(0, 31)] },
      { secrets: [word], secret: word },
      { secrets: [word], cookie: { secret: word } },
      { secrets: [word], cookie: { name: 1 } },
      { secrets: [word], store: undefined },
    ];
    canaries.words.set("short secret", word.slice(0, 31));
    for (const options of wrong) {
      try {
        createSessions({ store: new MemoryStore(), ...options as Pick<SessionsOptions, "secrets"> });
        assert.fail("accepted");
      } catch (error) {
        assert.ok(error instanceof TypeError || error instanceof RangeError, String(error));
        assertClean(error, canaries, "a refusal");
      }
    }
  });
});
