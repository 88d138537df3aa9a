/** The types of Bun's server and of its routes stay what they are under `wrap`. Tested by `deno check`, as types_test.ts is. */

import type {} from "bun-types";
import type { BunRequest, Server } from "bun";
import assert from "node:assert/strict";
import { it } from "node:test";
import { MemoryStore } from "../backends/memory.ts";
import { createSessions, type Session, type SessionRequest, type Sessions } from "../mod.ts";
import { secrets } from "./fault_rig.ts";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
/** Compiles only for `true`. */
function expect<T extends true>(_?: T): void {}

interface Data {
  visits: number;
}

const made = (): Sessions<Data> => createSessions<Data>({ store: new MemoryStore(), secrets });

export function onBun(serve: typeof Bun.serve): void {
  const handler = made().wrap(async (request, server: Server<{ id: string | undefined }>) => {
    const session = await request.session;
    const headers = await made().headersFor(request);
    // @ts-expect-error: there is no such member
    server.upgrades;
    if (server.upgrade(request, { headers, data: { id: session.id } })) return undefined;
    return new Response(server.requestIP(request)?.address ?? "");
  });
  serve<{ id: string | undefined }>({
    fetch: handler,
    websocket: {
      message(socket) {
        expect<Same<typeof socket.data.id, string | undefined>>();
      },
    },
  });
  serve({
    routes: {
      "/users/:id": made().wrap(async (request: BunRequest<"/users/:id"> & SessionRequest<Data>) => {
        const session = await request.session;
        expect<Same<typeof session, Session<Data>>>();
        const id: string = request.params.id;
        // @ts-expect-error: the route has no such parameter
        request.params.name;
        return new Response(id);
      }),
      "/posts/:post": {
        GET: made().wrap((request: BunRequest<"/posts/:post">) => new Response(request.params.post)),
      },
    },
  });
  serve({ fetch: made().wrap(() => new Response()) });
}

it("types are checked by deno check; this file loads", () => {
  assert.equal(typeof onBun, "function");
});
