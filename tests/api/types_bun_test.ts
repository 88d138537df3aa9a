/**
 * The types of Bun's server and of its routes stay what they are under `wrap`. Checked by a `deno check` of its own: Bun's
 * types are global, and would change what every other file sees.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { it } from "node:test";
import { fileURLToPath } from "node:url";

const root = new URL("../..", import.meta.url).href;
const onDeno = "Deno" in globalThis ? {} : { skip: "not on this runtime: deno check" };

const source = `
import type {} from "bun-types";
import type { BunRequest, Server } from "bun";
import { MemoryStore } from "${root}backends/memory.ts";
import { createSessions, type Session, type SessionRequest, type Sessions } from "${root}mod.ts";

const secrets = [new Uint8Array(32)];
/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
/** Compiles only for \`true\`. */
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

/** As in examples/bun_serve.ts and websocket_bun.ts, which name only what they use of Bun's types. */
export function onBunByShape(serve: typeof Bun.serve): void {
  type Named = Request & { readonly params: { readonly name: string } };
  type Upgrades = { upgrade(request: Request, options: { headers: Headers; data: { id: string } }): boolean };
  type Socket = { data: { id: string }; send(text: string): void; close(code: number, reason: string): void };
  serve({ routes: { "/hello/:name": made().wrap((request: Named) => new Response(request.params.name)) } });
  serve<{ id: string }>({
    fetch: made().wrap((request, server: Upgrades) => {
      server.upgrade(request, { headers: new Headers(), data: { id: "" } });
      return undefined;
    }),
    websocket: {
      message(socket) {
        const given: Socket = socket;
        given.close(1000, "");
      },
    },
  });
}
`;

/** What `deno check` says of a program; nothing when it is right. */
function check(program: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-types-"));
  const file = join(folder, "program.ts");
  writeFileSync(file, program);
  const args = ["check", "--config", fileURLToPath(new URL("deno.json", root)), file];
  const env = { ...process.env, NO_COLOR: "1" };
  return new Promise((resolve) =>
    execFile(process.execPath, args, { env }, (error, _, stderr) => {
      rmSync(folder, { recursive: true });
      resolve(error === null ? "" : stderr);
    })
  );
}

it("Bun's server, sockets and route parameters stay typed", onDeno, async () => {
  assert.equal(await check(source), "");
});
