/** A session that is asked for when its request is over: it is the visitor's own or refused, and never somebody anonymous. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { begin, makeSite, read } from "../support/identity_rig.ts";
import { listen, rawRequest } from "../support/live_server.ts";

type Handler = (request: Request) => Response | Promise<Response>;

/** Answers, and whether Bun has let go of the request when they have left: it keeps one that was waited for. */
const answers: Record<string, { readonly answer: Handler; readonly isLost: boolean }> = {
  "at once": { answer: () => new Response("Grüße"), isLost: true },
  "at once with a failure": { answer: () => new Response("down", { status: 503 }), isLost: true },
  "without waiting": { answer: () => Promise.resolve(new Response("Grüße")), isLost: true },
  "after a while": {
    answer: async () => {
      await new Promise((resolve) => setTimeout(resolve));
      return new Response("Grüße");
    },
    isLost: false,
  },
  "with a stream": {
    answer: () =>
      new Response(
        new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve));
            controller.enqueue(new TextEncoder().encode("Grüße"));
            controller.close();
          },
        }),
      ),
    isLost: false,
  },
};

describe("a session that is asked for after the answer has left", () => {
  for (const [how, { answer, isLost }] of Object.entries(answers)) {
    it(`which was given ${how}, is refused or the visitor's own`, async () => {
      const site = makeSite();
      const token = await begin(site, "mine");
      const { promise: kept, resolve: keep } = Promise.withResolvers<Request & { session: Promise<never> }>();
      const handler = site.sessions.wrap((request) => {
        keep(request as never);
        return answer(request);
      });
      await using server = listen(handler);
      const head = ["GET / HTTP/1.1", `cookie: __Host-sid=${token}`];
      assert.match(await rawRequest(server.port, head), /^HTTP\/1\.1 (200|503) /);
      const request = await kept;
      // Nobody waits for this one.
      void request.session;
      const seen = [];
      for (const ask of [() => request.session, () => site.sessions.get(request)]) {
        seen.push(await ask().then(read, (error: { code: string }) => error.code));
      }
      assert.equal(seen[0], seen[1]);
      assert.ok(seen[0] === "ERR_CLOSED" || !isLost && seen[0] === "mine", String(seen[0]));
    });
  }
});
