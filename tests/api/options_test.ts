import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { MemoryStore } from "../../backends/memory.ts";
import { createSessions, type SessionsOptions } from "../../mod.ts";
import { makeSite, read, writes } from "../support/identity_rig.ts";

const strong = "Xq3v9TtYpLw0ZbKf7RjNc2HsDg5MaUe1";

describe("options", () => {
  it("an unknown one is a TypeError that names it", () => {
    for (const key of ["secret", "cookies", "maxAge", "ttl", "resave", "__proto__x", "toString"]) {
      const options = { store: new MemoryStore(), secrets: [strong], [key]: 1 } as SessionsOptions;
      assert.throws(
        () => createSessions(options),
        (error: Error) => error instanceof TypeError && error.message.includes(key),
      );
    }
    for (
      const options of [undefined, null, 1, "x", {}, { secrets: [strong] }, { store: new MemoryStore() }, {
        store: {},
        secrets: [strong],
      }]
    ) {
      assert.throws(() => createSessions(options as SessionsOptions), TypeError);
    }
  });

  it("wrong ages, sizes and functions are refused when the sessions are made", () => {
    const numbers = ["idleAge", "anonymousIdleAge", "absoluteAge", "maxBytes", "timeout"];
    const wrong: [string, unknown][] = [
      ...numbers.flatMap((key) =>
        [0, -1, NaN, Infinity, "60", {}].map((value): [string, unknown] => [key, value])
      ),
      ...["rolling", "saveEveryRequest", "expireAtBrowserClose", "asyncContext"].flatMap((key) =>
        [1, "true", null].map((value): [string, unknown] => [key, value])
      ),
      ...["onEvent", "onError", "now"].flatMap((key) =>
        [1, "x", {}].map((value): [string, unknown] => [key, value])
      ),
      ["idleAge", null],
      ["maxBytes", 1.5],
      ["codec", {}],
      ["codec", { encode: () => "" }],
      ["schema", {}],
      ["schema", { "~standard": { version: 2, validate: () => ({}) } }],
    ];
    for (const [key, value] of wrong) {
      const options = { store: new MemoryStore(), secrets: [strong], [key]: value } as SessionsOptions;
      assert.throws(
        () => createSessions(options),
        (error: Error) =>
          (error instanceof TypeError || error instanceof RangeError) && error.message.includes(key),
        `${key}: ${inspect(value)}`,
      );
    }
  });

  it("undefined stands for the default, everywhere", async () => {
    const nothing = {
      cookie: undefined,
      idleAge: undefined,
      anonymousIdleAge: undefined,
      absoluteAge: undefined,
      rolling: undefined,
      codec: undefined,
      schema: undefined,
      maxBytes: undefined,
      timeout: undefined,
      onEvent: undefined,
      onError: undefined,
      now: undefined,
    };
    const options = { store: new MemoryStore(), secrets: [strong], ...nothing } as unknown as SessionsOptions;
    const handler = createSessions(options).wrap(async (request) => {
      const session = await request.session;
      writes("a")(session);
      return new Response(String(read(session)));
    });
    assert.match(
      (await handler(new Request("https://site.test/"))).headers.getSetCookie()[0]!,
      /^__Host-sid=.*; Max-Age=1209600$/,
    );
  });

  it("nothing is read from the environment and nothing is asked of the store before the first use", async () => {
    const site = makeSite();
    await site.sessions.wrap(() => new Response("ok"))(
      new Request("https://site.test/", { headers: { cookie: "__Host-sid=x" } }),
    );
    assert.equal(site.store.count(), 0);
    assert.equal(site.events.length, 0);
  });
});
