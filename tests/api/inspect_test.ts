/** Looking at a session, a sessions object or a request in a log loads nothing and shows neither ids, data nor secrets. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import type { Session } from "../../mod.ts";
import { begin, secrets, Site, type Visitor } from "../support/fault_rig.ts";

const runtime = globalThis as unknown as Record<
  "Deno" | "Bun",
  { inspect(value: unknown, options?: unknown): string } | undefined
>;

/** Every way to put a value into a log. */
const ways: Record<string, (value: unknown) => unknown> = {
  "String": (value) => String(value),
  "a template": (value) => `${value}`,
  "JSON.stringify": (value) => JSON.stringify(value),
  "JSON.stringify of a list": (value) => JSON.stringify([{ value }]),
  "node's inspect": (value) => inspect(value),
  "node's inspect, all of it": (value) => inspect(value, { depth: null, showHidden: true }),
  "Deno.inspect": (value) => runtime.Deno?.inspect(value),
  "Deno.inspect, all of it": (value) => runtime.Deno?.inspect(value, { depth: 100, showHidden: true }),
  "Bun.inspect": (value) => runtime.Bun?.inspect(value),
  "Bun.inspect, all of it": (value) => runtime.Bun?.inspect(value, { depth: 100, showHidden: true }),
  "console.log": (value) => logged(() => console.log("%o %O", value, value)),
  "Object.entries": (value) => inspect(Object.entries(value as object)),
  "a spread": (value) => inspect({ ...(value as object) }),
  "for in": (value) => {
    const names = [];
    for (const name in value as object) names.push(name);
    return names.filter((name) => name === "session").join();
  },
  "Object.assign": (value) => inspect(Object.assign({}, value)),
};

/** What was printed, if the runtime lets it be seen. */
function logged(run: () => void): string {
  const { log } = console;
  let text = "";
  console.log = (...args) => void (text += args.map((arg) => inspect(arg)).join(" "));
  try {
    run();
  } finally {
    console.log = log;
  }
  return text;
}

async function secretsOf(site: Site, visitor: Visitor): Promise<string[]> {
  const { key } = await site.stored(visitor.id);
  const secret = Array.from(secrets[0]!);
  return ["hunter2", visitor.id, key, "hidden-user", secret.join(", "), secret.join(",")];
}

function assertSilent(text: unknown, words: readonly string[]): void {
  for (const word of words) assert.ok(!String(text).includes(word), String(text).slice(0, 500));
}

for (const [way, show] of Object.entries(ways)) {
  describe(way, () => {
    it("of a request loads nothing, and shows nothing of a session that was loaded", async () => {
      const site = new Site();
      const visitor = await begin(site, { password: "hunter2" }, "hidden-user");
      const words = await secretsOf(site, visitor);
      // The cookie is the request's own; runtimes show headers. What the session adds must stay out.
      const response = await visitor.send((request) => {
        show(request);
        show({ request });
        return new Response("fine");
      });
      assert.deepEqual(site.store.taken(), []);
      assert.deepEqual([...response.headers.keys()].filter((name) => name !== "content-type"), []);
      await visitor.send(async (request) => {
        await request.session;
        const shown = String(show(request)).replaceAll(visitor.cookie!, "");
        assertSilent(shown, words);
        return new Response();
      });
    });

    it("of a session is not use, and shows no id and no data", async () => {
      const site = new Site();
      const visitor = await begin(site, { password: "hunter2" }, "hidden-user");
      const words = await secretsOf(site, visitor);
      const response = await visitor.visit((session: Session) => {
        assertSilent(show(session), words);
        assertSilent(show({ deep: { session } }), words);
      });
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.equal(response.headers.get("vary"), null);
      assert.deepEqual(site.store.taken(), ["load"]);
      await visitor.visit((session: Session) => {
        session.set("more", "hunter2");
        assertSilent(show(session), words);
      });
    });

    it("of a sessions object and of the session's promise shows no secret", async () => {
      const site = new Site();
      const visitor = await begin(site, { password: "hunter2" }, "hidden-user");
      const words = await secretsOf(site, visitor);
      const handler = site.sessions.wrap(async (request) => {
        const promise = request.session;
        await promise;
        assertSilent(show(promise), words);
        return new Response();
      });
      await handler(
        new Request("https://localhost/", { headers: { cookie: `__Host-sid=${visitor.cookie}` } }),
      );
      site.store.taken();
      assertSilent(show(site.sessions), words);
      assertSilent(show(handler), words);
      assert.deepEqual(site.store.taken(), []);
    });
  });
}

describe("an error of the library", () => {
  it("shows no id, no key and no data of its own when it is logged", async () => {
    const site = new Site();
    const visitor = await begin(site, { password: "hunter2" }, "hidden-user");
    const words = await secretsOf(site, visitor);
    site.store.fail("hang", "load");
    await visitor.send(async (request) => {
      const error = await request.session.then(() => assert.fail("it hangs"), (error) => error);
      for (const show of Object.values(ways)) assertSilent(show(error), words);
      return new Response();
    });
  });
});
