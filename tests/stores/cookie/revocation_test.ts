import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type MaybePromise, SessionError } from "../../../mod.ts";
import { arrive, type Browser } from "../../support/browser.ts";
import { Ended, sid, Site, start } from "../../support/cookie/rig.ts";

const dayMs = 86_400_000;
const isDown = (error: unknown) => error instanceof SessionError && error.code === "ERR_STORE";
const clears = (response: Response) =>
  response.headers.getSetCookie().some((field) => field.startsWith(`${sid}=;`));

/** A site whose ended ids are in a store that shares its clock. */
function remembering(options: ConstructorParameters<typeof Site>[0] = {}): { site: Site; ended: Ended } {
  const clock = { now: start };
  const ended = new Ended(clock);
  return { site: new Site({ revocation: ended, clock, ...options }), ended };
}

for (const seal of [true, false]) {
  describe(`log-out of a session in a ${seal ? "sealed" : "signed"} cookie`, () => {
    it("SR-028 ends every copy of the cookie, on every server, where ended ids are remembered (C5)", async () => {
      const { site } = remembering({ seal });
      const browser = await site.begin({ mark: "live" }, "user");
      const copies = [browser.header];
      await browser.see((session) => session.set("more", 1));
      copies.push(browser.header);
      for (const copy of copies) assert.equal(await site.other().mark(copy), "live");
      const answer = await browser.visit((session) => session.logout());
      assert.ok(clears(answer));
      for (const copy of copies) {
        for (const server of [site, site.other()]) {
          server.reported();
          assert.equal(await server.mark(copy), undefined);
          assert.deepEqual(server.reported(), ["rejected unknown"]);
        }
      }
    });

    it('SR-028 with "none" a copy is good until its limit, as was spelled out', async () => {
      const site = new Site({ seal, idleAge: 1_000 });
      const browser = await site.begin();
      const copy = browser.header;
      assert.ok(clears(await browser.visit((session) => session.flush())));
      assert.equal(browser.cookies.size, 0);
      assert.equal(await site.mark(copy), "live");
      site.clock.now += 1_000_000;
      assert.equal(await site.mark(copy), undefined);
    });
  });
}

describe("a store that remembers ended ids", () => {
  it("SR-028 log-in, rotation and a change of user end the old cookie (C5)", async () => {
    const works: ((session: Parameters<Parameters<Browser["see"]>[0]>[0]) => unknown)[] = [
      (session) => session.login("user"),
      (session) => session.login("another"),
      (session) => session.cycleKey(),
      async (session) => {
        session.cycleKey();
        await session.save();
      },
    ];
    for (const work of works) {
      const { site } = remembering();
      const browser = await site.begin({ mark: "live" }, "user");
      const old = browser.header;
      await browser.see(async (session) => void await work(session));
      assert.notEqual(browser.header, old);
      for (const server of [site, site.other()]) {
        assert.equal(await server.mark(old), undefined);
        assert.equal(await browser.twin(server.sessions).see((session) => session.isNew), false);
      }
    }
  });

  it("never sees an id, a user or data, only a hash that is of no use as a cookie", async () => {
    const { site, ended } = remembering();
    const keys: unknown[] = [];
    const create = ended.create.bind(ended);
    ended.create = (key, record) => (keys.push({ key, record }), create(key, record));
    const browser = await site.begin({ mark: "distinct" });
    await browser.see((session) => session.login("user-123"));
    const id = await browser.see((session) => session.id!);
    await browser.see((session) => session.flush());
    assert.equal(keys.length, 2, "one for the rotation by the log-in, one for the log-out");
    for (const secret of [id, "distinct", "user-123"]) assert.ok(!JSON.stringify(keys).includes(secret));
    assert.match((keys[1] as { key: string }).key, /^[0-9a-f]{64}$/);
  });

  it("is asked once for a request that uses its session, and not at all for one that brings none", async () => {
    const { site, ended } = remembering();
    const browser = await site.begin();
    assert.deepEqual(ended.calls.splice(0), []);
    await browser.visit((session) => session.get("mark"));
    assert.deepEqual(ended.calls.splice(0), ["load"]);
    assert.equal(await site.mark(`${sid}=${"A".repeat(200)}`), undefined);
    await site.browser().visit((session) => session.get("mark"));
    assert.deepEqual(ended.calls, []);
  });

  for (
    const [what, options, expiry] of [
      ["the default limits", {}, undefined],
      ["no absolute limit", { absoluteAge: null }, undefined],
      ["a long idle age and no absolute limit", { absoluteAge: null, idleAge: 1_000 * 86_400 }, undefined],
      ["a fixed end years ahead", { absoluteAge: null }, new Date(start + 2_000 * dayMs)],
      ["an idle age of its own, of years", { absoluteAge: null }, 2_000 * 86_400],
    ] as const
  ) {
    it(`SR-028 remembers an ended id for as long as a copy could live: ${what}`, async () => {
      const { site, ended } = remembering(options);
      const browser = await site.begin();
      if (expiry !== undefined) await browser.see((session) => session.setExpiry(expiry));
      const copy = browser.header;
      const probe = new Site({ ...options, clock: site.clock });
      await browser.see((session) => session.flush());
      for (const days of [1, 13, 29, 31, 399, 401, 999, 1_999, 2_001]) {
        site.clock.now = start + days * dayMs;
        await site.sessions.clearExpired();
        assert.equal(await site.mark(copy), undefined, `day ${days}, without it ${await probe.mark(copy)}`);
      }
      assert.ok(ended.calls.includes("create"));
    });
  }

  it("a writer whose session was ended elsewhere meanwhile gets 409, and nothing comes back", async () => {
    const { site } = remembering();
    for (const other of [site, site.other()]) {
      for (
        const end of [
          (browser: Browser) => browser.visit((session) => session.flush()),
          (browser: Browser) => browser.visit((session) => session.cycleKey()),
          (browser: Browser) => browser.visit((session) => session.login("user")),
        ]
      ) {
        const browser = await site.begin();
        const old = browser.header;
        const writer = await arrive(browser.twin(), (session) => void session.set("mark", "back"));
        const reader = await arrive(browser.twin(), (session) => session.get("mark"));
        const rotator = await arrive(browser.twin(), (session) => session.cycleKey());
        await end(browser.twin(other.sessions));
        const answer = await writer.go();
        assert.equal(answer.status, 409);
        assert.deepEqual(answer.headers.getSetCookie(), []);
        assert.equal((await rotator.go()).status, 409);
        assert.equal(await (await reader.go()).text(), "live");
        assert.equal(await site.mark(old), undefined);
      }
    }
  });

  it("of two rotations at once one wins, on one server and on two", async () => {
    const { site } = remembering();
    for (const other of [site, site.other()]) {
      const browser = await site.begin();
      const twins = [browser.twin(), browser.twin(other.sessions)];
      const visits = await Promise.all(twins.map((twin) => arrive(twin, (session) => session.cycleKey())));
      const answers = await Promise.all(visits.map(({ go }) => go()));
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
      const winner = twins[answers.findIndex(({ status }) => status === 200)]!;
      assert.equal(await site.mark(winner.header), "live");
      assert.equal(await site.mark(browser.header), undefined);
    }
  });
});

describe("a revocation store in trouble", () => {
  const faults: Record<string, () => MaybePromise<unknown>> = {
    "throws": () => {
      throw new Error("refused");
    },
    "hangs": () => new Promise(() => {}),
    "answers nonsense": () => 5 as never,
  };
  for (const [what, fault] of Object.entries(faults)) {
    it(`SR-046 that ${what} is ERR_STORE and 503, never "not ended" and never an empty session`, async () => {
      const { site, ended } = remembering({ timeout: 0.05 });
      const browser = await site.begin({ mark: "live" }, "user");
      const ghost = await site.begin({ mark: "live" });
      const copy = ghost.header;
      await ghost.see((session) => session.flush());
      const before = browser.header;
      site.reported();
      ended.fault = fault;
      for (const header of [before, copy]) {
        const answer = await browser.visit((session) => session.get("mark", "empty"), { header });
        assert.equal(answer.status, 503);
        assert.ok(answer.headers.has("retry-after"));
        assert.deepEqual(answer.headers.getSetCookie(), []);
        assert.ok(site.reported().includes("store-error"));
      }
      let caught: unknown;
      const fallback = site.other({
        onError: (error) => {
          caught = error;
          return new Response("fallback");
        },
      });
      await browser.visit((session) => session.get("mark"), { sessions: fallback.sessions, header: before });
      assert.ok(isDown(caught));
      ended.fault = undefined;
      assert.equal(await site.mark(before), "live");
      assert.equal(await site.mark(copy), undefined);
    });

    it(`SR-046 that ${what} at log-out or log-in: 503, and the old session is as it was`, async () => {
      const { site, ended } = remembering({ timeout: 0.05 });
      for (const method of ["flush", "login", "cycleKey", "set"] as const) {
        const browser = await site.begin({ mark: "live" }, "user");
        const before = browser.header;
        const { go } = await arrive(browser, async (session) => {
          ended.fault = fault;
          if (method === "flush") await session.flush();
          else if (method === "login") session.login("other");
          else if (method === "set") session.set("mark", "lost");
          else session.cycleKey();
        });
        const answer = await go();
        ended.fault = undefined;
        assert.equal(answer.status, 503, method);
        assert.deepEqual(answer.headers.getSetCookie(), [], method);
        assert.equal(await site.mark(before), "live", method);
        assert.equal(await browser.twin().see((session) => session.userId, { header: before }), "user");
      }
    });
  }

  it("a touch that cannot ask does not harm an answer that only read: 200, no cookie, an event", async () => {
    const { site, ended } = remembering();
    const browser = await site.begin();
    site.clock.now += 2 * 3_600_000;
    const { go } = await arrive(browser, (session) => {
      ended.fault = faults["throws"];
      return session.get("mark");
    });
    const answer = await go();
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.headers.getSetCookie(), []);
    assert.ok(site.reported().includes("store-error"));
  });

  it('answers of null are "not found"', async () => {
    const { site, ended } = remembering();
    const browser = await site.begin();
    ended.fault = (method) => method === "load" ? null : undefined;
    assert.equal(await site.mark(browser.header), "live");
  });

  it("a new visitor needs no revocation store at all", async () => {
    const { site, ended } = remembering();
    ended.fault = faults["throws"];
    assert.equal((await site.begin()).cookies.size, 1);
  });
});

describe("an instant per user before which sessions are over", () => {
  it("SR-028 ends a user's sessions on all servers when it is raised, and nobody else's (C5)", async () => {
    const since = new Map<string, number>();
    for (const wrap of [(n: number) => n, (n: number) => Promise.resolve(n)]) {
      since.clear();
      const site = new Site({ revocation: { notBefore: (user) => wrap(since.get(user) ?? 0) } });
      const [mine, phone, other, nobody] = [
        await site.begin({ mark: "live" }, "me"),
        await site.begin({ mark: "live" }, "me"),
        await site.begin({ mark: "live" }, "other"),
        await site.begin(),
      ];
      since.set("me", start);
      assert.equal(await site.mark(mine.header), "live", "one that began at this very instant");
      site.clock.now += 1_000;
      since.set("me", site.clock.now);
      const late = await site.begin({ mark: "live" }, "me");
      for (const server of [site, site.other()]) {
        for (const ended of [mine, phone]) assert.equal(await server.mark(ended.header), undefined);
        for (const live of [other, nobody, late]) assert.equal(await server.mark(live.header), "live");
      }
      await phone.see((session) => session.login("me"));
      assert.equal(await phone.see((session) => session.userId), "me");
    }
  });

  it("is asked with the user that is inside the cookie, and never for a visitor without one", async () => {
    const asked: string[] = [];
    const site = new Site({ revocation: { notBefore: (user) => (asked.push(user), 0) } });
    await site.mark((await site.begin()).header);
    assert.deepEqual(asked, []);
    await site.mark((await site.begin({ mark: "live" }, "é😀 user")).header);
    assert.deepEqual([...new Set(asked)], ["é😀 user"]);
  });

  it("a writer whose user was logged out everywhere meanwhile gets 409", async () => {
    let since = 0;
    const site = new Site({ revocation: { notBefore: () => since } });
    const browser = await site.begin({ mark: "live" }, "me");
    const old = browser.header;
    const { go } = await arrive(browser, (session) => void session.set("mark", "back"));
    since = start + 1;
    const answer = await go();
    assert.equal(answer.status, 409);
    assert.deepEqual(answer.headers.getSetCookie(), []);
    assert.equal(await site.mark(old), undefined);
  });

  const faults: Record<string, () => MaybePromise<number>> = {
    "throws": () => {
      throw new Error("no database");
    },
    "rejects": () => Promise.reject(new Error("no database")),
    "answers NaN": () => NaN,
    "answers undefined": () => undefined as unknown as number,
    "answers a Date": () => new Date(start) as unknown as number,
    "answers a string": () => String(start) as unknown as number,
    "hangs": () => new Promise<number>(() => {}),
  };
  for (const [what, notBefore] of Object.entries(faults)) {
    it(`SR-048 that ${what} is ERR_STORE and 503 in time, never "not ended"`, async () => {
      const { header } = await new Site().begin({ mark: "live" }, "me");
      const site = new Site({ revocation: { notBefore }, timeout: 0.05 });
      let timer: ReturnType<typeof setTimeout>;
      const late = new Promise<undefined>((resolve) => timer = setTimeout(resolve, 2_000, undefined));
      const visit = site.browser().visit((session) => session.get("mark"), { header });
      const answer = await Promise.race([visit, late]);
      clearTimeout(timer!);
      assert.equal(answer?.status, 503, "the answer within 2 s, with a limit of 0.05 s");
      assert.deepEqual(answer.headers.getSetCookie(), []);
    });
  }

  it("SR-070 that fails is told as an event, as a store that fails is", async () => {
    const { header } = await new Site().begin({ mark: "live" }, "me");
    const site = new Site({ revocation: { notBefore: faults["throws"]! } });
    await site.browser().visit((session) => session.get("mark"), { header });
    assert.deepEqual(site.reported(), ["store-error"]);
  });
});
