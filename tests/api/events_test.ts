import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { type Session, SessionError, type SessionEvent, type SessionsOptions } from "../../mod.ts";
import { Signer } from "../../src/crypto/signer.ts";
import { makeId, storageKey } from "../../src/crypto/session_id.ts";
import { begin, makeSite, read, secret, type Site, tokenOf, writes } from "../support/identity_rig.ts";

const signer = new Signer([secret(1)], "session id", "__Host-sid");
const token = async (id: string) => `${id}.${await signer.sign(id)}`;
const cookie = (value: string) => `__Host-sid=${value}`;
const schema: NonNullable<SessionsOptions["schema"]> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      (value as { mark?: unknown }).mark === "bad"
        ? { issues: [{ message: "bad" }] }
        : { value: value as Record<string, unknown> },
  },
};

/** Changes the record behind the library's back, so that its version is another one. */
function meddle(site: Site, key: unknown): void {
  const { version, ...record } = site.store.inner.load(String(key))!;
  site.store.inner.save(String(key), record, version);
}

interface Scenario {
  readonly options?: Partial<SessionsOptions>;
  /** `mine` is the cookie of a live session. What is reported before the answer is what counts. */
  readonly run: (site: Site, mine: string) => Promise<Response>;
  /** Type, reason, and whether there is a tag. */
  readonly events: readonly (readonly [string, string | undefined, boolean])[];
  readonly status?: number;
}

const scenarios: Record<string, Scenario> = {
  "a new session": {
    run: (site) => site.visit(undefined, writes("x")),
    events: [["created", undefined, true]],
  },
  "a touch": {
    run: (site, mine) => {
      site.clock.now += 7_200_000;
      return site.visit(mine);
    },
    events: [["touched", undefined, true]],
  },
  "a new id": {
    run: (site, mine) => site.visit(mine, (session) => session.cycleKey()),
    events: [["rotated", undefined, true]],
  },
  "a log-in": {
    run: (site, mine) => site.visit(mine, (session) => session.login("grace")),
    events: [["login", undefined, true]],
  },
  "a log-out": {
    run: (site, mine) => site.visit(mine, (session) => session.logout()),
    events: [["ended", undefined, true]],
  },
  "an expired session": {
    run: (site, mine) => {
      site.clock.now += 31 * 86_400_000;
      return site.visit(mine);
    },
    events: [["expired", undefined, true]],
  },
  "a malformed cookie": {
    run: (site) => site.visit(cookie("x")),
    events: [["rejected", "malformed", false]],
  },
  "a forged cookie": {
    run: async (site) => await site.visit(cookie(`${makeId()}.${await signer.sign(makeId())}`)),
    events: [["rejected", "forged", false]],
  },
  "an unknown session": {
    run: async (site) => await site.visit(cookie(await token(makeId()))),
    events: [["rejected", "unknown", true]],
  },
  "two live cookies": {
    run: async (site, mine) => {
      const other = cookie(await begin(site, "other"));
      site.events.length = 0;
      return await site.visit(`${mine}; ${other}`);
    },
    events: [["rejected", "ambiguous", false]],
  },
  "five cookies": {
    run: async (site) =>
      await site.visit(
        (await Promise.all([1, 2, 3, 4, 5].map(() => token(makeId())))).map(cookie).join("; "),
      ),
    events: [["rejected", "ambiguous", false]],
  },
  "a session that ended meanwhile": {
    run: (site, mine) =>
      site.visit(mine, async (session) => {
        await site.store.inner.delete(await storageKey(session.id!));
        session.set("mark", "late");
      }),
    events: [["gone", undefined, true]],
    status: 409,
  },
  "a touch of a session that ended meanwhile": {
    run: (site, mine) => {
      site.clock.now += 7_200_000;
      return site.visit(mine, async (session) => {
        read(session);
        await site.store.inner.delete(await storageKey(session.id!));
      });
    },
    events: [["gone", undefined, true]],
  },
  "endless conflicts": {
    run: async (site, mine) => {
      site.store.fault = (method, [key]) => {
        if (method === "save") meddle(site, key);
      };
      return await site.visit(mine, writes("x"));
    },
    events: [["conflict", undefined, true]],
    status: 409,
  },
  "a damaged record that the store tells": {
    run: (site, mine) => {
      site.store.fault = () => {
        throw new SessionError("ERR_DAMAGED", "damaged");
      };
      return site.visit(mine);
    },
    events: [["damaged", undefined, true]],
  },
  "a damaged record that the store does not notice": {
    run: (site, mine) => {
      site.store.fault = () => ({
        data: "}{",
        createdAt: 1,
        touchedAt: site.clock.now,
        expiresAt: 9e12,
        version: "1",
      });
      return site.visit(mine);
    },
    events: [["damaged", undefined, true]],
  },
  "data that fails the schema": {
    options: { schema },
    run: async (site, mine) => {
      const plain = makeSite({ store: site.store });
      await plain.visit(mine, writes("bad"));
      return await site.visit(mine);
    },
    events: [["invalid", undefined, true]],
  },
  "a store that is down": {
    run: (site, mine) => {
      site.store.fault = () => {
        throw new Error("down");
      };
      return site.visit(mine);
    },
    events: [["store-error", undefined, false]],
    status: 503,
  },
  "an answer that would have been cached": {
    run: async (site, mine) => {
      const handler = site.sessions.wrap(async (request) => {
        read(await request.session);
        return new Response("ok", { headers: { "cache-control": "public, max-age=60" } });
      });
      return await handler(new Request("https://site.test/", { headers: { cookie: mine } }));
    },
    events: [["cache-control", undefined, false]],
  },
  "a request without a session": { run: (site) => site.visit("a=1; sid=2"), events: [] },
  "an ordinary request": { run: (site, mine) => site.visit(mine), events: [] },
};

async function play({ options, run }: Scenario, more: Partial<SessionsOptions> = {}) {
  const site = makeSite({ ...options, ...more });
  const first = await begin(site, "mine");
  site.events.length = 0;
  const answer = await run(site, cookie(first));
  return { site, first, answer };
}

/** What an answer looks like from outside, with what is random in it made equal. */
async function look(answer: Response): Promise<string> {
  const headers = [...answer.headers].map(([name, value]) =>
    `${name}: ${value.replace(/sid=[\w-]{32}\.[\w-]{43}/, "sid=…")}`
  );
  return [answer.status, answer.statusText, ...headers, await answer.text()].join("\n");
}

describe("events", () => {
  for (const [what, scenario] of Object.entries(scenarios)) {
    it(`SR-070 ${what}: ${scenario.events.map(([type, reason]) => [type, reason].filter(Boolean).join(" ")).join(", ") || "nothing"}`, async () => {
      const { site, first, answer } = await play(scenario);
      assert.equal(answer.status, scenario.status ?? 200);
      assert.deepEqual(
        site.events.map(({ type, reason, tag }) => [type, reason, tag !== undefined]),
        scenario.events,
      );
      for (const event of site.events) {
        assert.deepEqual(
          Object.keys(event).filter((key) => !["type", "tag", "reason", "at"].includes(key)),
          [],
        );
        assert.equal(event.at, site.clock.now);
        if (event.tag !== undefined) assert.match(event.tag, /^[0-9a-f]{8}$/);
        const shown = JSON.stringify(event);
        for (
          const secretText of [
            first,
            first.slice(0, 32),
            first.slice(33),
            await storageKey(first.slice(0, 32)),
            "mine",
            "grace", // not "ada": eight random hexadecimal digits spell that now and then
          ]
        ) {
          assert.ok(!shown.includes(secretText));
        }
      }
    });
  }

  it("SR-070 a hook that throws, rejects or hangs changes no answer", async () => {
    const hooks: Record<string, (event: SessionEvent) => unknown> = {
      throws: () => {
        throw new Error("hook");
      },
      "throws nothing at all": () => {
        throw undefined;
      },
      rejects: () => Promise.reject(new Error("hook")),
      hangs: () => new Promise(() => {}),
      "is thenable and rejects": () => ({
        then: (_: unknown, no: (error: unknown) => void) => no(new Error("hook")),
      }),
      "changes the event": (event) => {
        Object.assign(event, { type: "x" });
      },
    };
    for (const scenario of Object.values(scenarios)) {
      const expected = await look((await play(scenario)).answer);
      for (const [what, onEvent] of Object.entries(hooks)) {
        assert.equal(await look((await play(scenario, { onEvent })).answer), expected, what);
      }
    }
  });

  it("SR-070 the tag is the same for one session, another for each, and comes from neither id nor key alone", async () => {
    const site = makeSite();
    const tags: string[] = [];
    for (let i = 0; i < 20; i++) {
      const value = await begin(site, "a");
      site.clock.now += 7_200_000;
      await site.visit(cookie(value));
      const mine = site.events.splice(0).map(({ tag }) => tag!);
      assert.equal(mine.length, 2);
      assert.equal(mine[0], mine[1]);
      const [id, key] = [value.slice(0, 32), await storageKey(value.slice(0, 32))];
      const forms = [
        id,
        key,
        Buffer.from(id, "base64url").toString("hex"),
        Buffer.from(value.slice(33), "base64url").toString("hex"),
      ];
      for (const form of forms) assert.ok(!form.includes(mine[0]!));
      tags.push(mine[0]!);
    }
    assert.equal(new Set(tags).size, tags.length);
    const other = makeSite({ store: site.store, secrets: [secret(2), secret(1)] });
    const value = await begin(site, "a");
    const [{ tag }] = site.events.splice(0) as [SessionEvent];
    await other.visit(cookie(value), (session: Session) => session.logout());
    assert.notEqual(other.events[0]!.tag, tag, "the tag hangs on the newest secret");
  });

  it("SR-070 revoke and revokeAll report what they end", async () => {
    const site = makeSite();
    for (let i = 0; i < 3; i++) await site.visit(undefined, (session) => session.login("grace"));
    const [first] = await site.sessions.list("grace");
    site.events.length = 0;
    assert.equal(await site.sessions.revoke(first!.handle, { userId: "grace" }), 1);
    assert.equal(await site.sessions.revoke(first!.handle), 0);
    assert.equal(await site.sessions.revokeAll("grace"), 2);
    assert.deepEqual(site.events.map(({ type }) => type), ["ended", "ended", "ended"]);
  });
});

describe("refused cookies", () => {
  const kinds: Record<string, (site: Site) => Promise<string>> = {
    malformed: () => Promise.resolve("nonsense"),
    "bad tag": async () => `${makeId()}.${await signer.sign(makeId())}`,
    "unknown key": async (site) => await begin(makeSite({ store: site.store, secrets: [secret(7)] }), "x"),
    unknown: async () => await token(makeId()),
    expired: async (site) => {
      const value = await begin(
        makeSite({ store: site.store, idleAge: 1, now: () => site.clock.now - 60_000 }),
        "x",
      );
      return value;
    },
    revoked: async (site) => {
      const value = tokenOf(await site.visit(undefined, (session) => session.login("grace")));
      await site.sessions.revokeAll("grace");
      return value;
    },
    damaged: async (site) => {
      const value = await begin(site, "x");
      const key = await storageKey(value.slice(0, 32));
      const { version, ...record } = (await site.store.inner.load(key))!;
      await site.store.inner.save(key, { ...record, data: "}{" }, version);
      return value;
    },
  };

  for (
    const [what, work] of Object.entries({
      reads: read,
      writes: writes("new"),
      "does nothing": () => "nothing",
    })
  ) {
    it(`SR-069 every kind gets the same answer, byte for byte, from a handler that ${what}`, async () => {
      const looks = new Map<string, string>();
      for (const [kind, make] of Object.entries(kinds)) {
        const site = makeSite();
        looks.set(kind, await look(await site.visit(cookie(await make(site)), work)));
      }
      assert.deepEqual([...looks].filter(([, text]) => text !== looks.get("malformed")), []);
    });
  }

  it("SR-069 several refused cookies at once get that answer, too", async () => {
    const site = makeSite();
    const expected = await look(await site.visit(cookie("nonsense")));
    const all = await Promise.all(["bad tag", "unknown", "revoked"].map((kind) => kinds[kind]!(site)));
    assert.equal(await look(await site.visit(all.map(cookie).join("; "))), expected);
  });
});
