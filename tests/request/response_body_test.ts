/** What a response's body looks like on the wire, with and without sessions: compared on raw sockets, byte by byte. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { makeSite } from "../support/identity_rig.ts";
import { isBun, listen, rawRequest } from "../support/live_server.ts";

const folder = mkdtempSync(join(tmpdir(), "sojourn-body-"));
const path = join(folder, "grüße.txt");
writeFileSync(path, "0123456789äöü");
writeFileSync(join(folder, "page.html"), "<p>Grüße</p>");
after(() => rmSync(folder, { recursive: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const stream = (...parts: string[]) =>
  new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(bytes(part));
      controller.close();
    },
  });
async function* generated(): AsyncGenerator<Uint8Array> {
  yield bytes("eins ");
  yield bytes("zwölf");
}
function form(): FormData {
  const form = new FormData();
  form.append("name", "Käthe");
  return form;
}
/** A response of a framework's own kind. */
class Own extends Response {}

type Make = () => Response | Promise<Response>;
const ways: Record<string, Make> = {
  text: () => new Response("text"),
  "text beyond ASCII": () => new Response("Grüße"),
  "text beyond Latin": () => new Response("漢字 🧭"),
  "empty text": () => new Response(""),
  page: () => new Response("<p>Grüße</p>", { headers: { "content-type": "text/html" } }),
  "text with headers": () => new Response("Grüße", { status: 203, headers: { "x-own": "1" } }),
  "a subclass": () => new Own("Grüße"),
  "typed Blob": () => new Response(new Blob(["Grüße"], { type: "image/x-test" })),
  "untyped Blob": () => new Response(new Blob(["Grüße"])),
  FormData: () => new Response(form()),
  URLSearchParams: () => new Response(new URLSearchParams({ name: "Käthe" })),
  bytes: () => new Response(new Uint8Array([1, 2, 250])),
  buffer: () => new Response(new Uint8Array([1, 2, 250]).buffer),
  stream: () => new Response(stream("Grü", "ße")),
  "typed stream": () =>
    new Response(stream("data: ü\n\n"), { headers: { "content-type": "text/event-stream" } }),
  "async generator": () => new Response(generated() as unknown as BodyInit),
  "Response.json": () => Response.json({ name: "Käthe" }),
  "Response.redirect": () => Response.redirect("https://elsewhere.test/?a=%C3%BC", 303),
  "Response.error": () => Response.error(),
  nothing: () => new Response(),
  null: () => new Response(null, { headers: { "x-own": "1" } }),
  "typed null": () => new Response(null, { headers: { "content-type": "text/html" } }),
  "null with 204": () => new Response(null, { status: 204 }),
  "null with 404": () => new Response(null, { status: 404 }),
  fetched: () => fetch(`${upstream.url}/?Grüße`),
  "fetched without a body": () => fetch(`${upstream.url}/?`),
};

/** What only Bun has. */
interface BunApi {
  file(path: string): Blob;
}
/** Parts of files, which Bun sends as 206 for as long as nobody has looked at their headers or at their body. */
const parts: Record<string, Make> = {};
const { Bun } = globalThis as unknown as { Bun: BunApi };
if (isBun) {
  const file = (name: string) => Bun.file(join(folder, name));
  const direct = () => ({
    type: "direct",
    async pull(controller: { write(part: string): void; flush(): Promise<void>; close(): void }) {
      controller.write("Grü");
      await controller.flush();
      controller.write("ße");
      controller.close();
    },
  });
  Object.assign(ways, {
    "a direct stream": () => new Response(new ReadableStream(direct() as never)),
    "a file": () => new Response(file("grüße.txt")),
    "all of a file": () => new Response(file("grüße.txt").slice(0, 900)),
    "a part of a Blob": () => new Response(new Blob(["abcdefgh"]).slice(2, 4, "image/x-test")),
  } as Record<string, Make>);
  Object.assign(parts, {
    "a part of a file": () => new Response(file("grüße.txt").slice(2, 6)),
    "the end of a file": () => new Response(file("grüße.txt").slice(5)),
    "the beginning of a file": () => new Response(file("grüße.txt").slice(0, 5)),
    "a part of a part": () => new Response(file("grüße.txt").slice(2, 12).slice(3, 5)),
    "a part with another type": () => new Response(file("grüße.txt").slice(2, 6, "image/x-test")),
    "a part with another status": () => new Response(file("grüße.txt").slice(2, 6), { status: 203 }),
    "a part with headers": () => new Response(file("grüße.txt").slice(2, 6), { headers: { "x-own": "1" } }),
    "no part of a file": () => new Response(file("grüße.txt").slice(3, 3)),
    "a part that is too long": () => new Response(file("grüße.txt").slice(9, 900)),
    "a part of a page": () => new Response(file("page.html").slice(3, 8)),
  } as Record<string, Make>);
}

const upstream = listen((request: Request) => {
  const text = decodeURIComponent(new URL(request.url).search.slice(1));
  return new Response(text || null, { headers: { "content-type": "text/x-up", "x-from": "upstream" } });
});
after(() => upstream[Symbol.asyncDispose]());

/** What a middleware has done with the response before: inside what is wrapped, or around it. */
const looks: Record<string, (response: Response) => unknown> = {
  nothing: () => {},
  "a look at the body": (response) => response.body,
  "a look at the headers": (response) => response.headers.get("x-none"),
};

const works: Record<string, (site: Site, request: Request) => unknown> = {
  untouched: () => {},
  read: async (site, request) => (await site.sessions.get(request)).get("mark"),
  written: async (site, request) => (await site.sessions.get(request)).set("mark", "Grüße"),
};
type Site = ReturnType<typeof makeSite>;

/** The same handler bare and with sessions, on one server: `/bare/way/look` and `/session/way/look/place/work`. */
function serve(site: Site) {
  const make = async (way: string, look: string) => {
    const made = await (ways[way] ?? parts[way]!)();
    looks[look]!(made);
    return made;
  };
  const part = (request: Request) =>
    new URL(request.url).pathname.split("/").slice(1).map(decodeURIComponent);
  const wrapped = site.sessions.wrap(async (request) => {
    const [, way, look, place, work] = part(request);
    await works[work!]!(site, request);
    return await make(way!, place === "inside" ? look! : "nothing");
  });
  return listen(async (request: Request) => {
    const [kind, way, look, place] = part(request);
    const answer = kind === "bare" ? await make(way!, look!) : await wrapped(request);
    if (place === "outside") looks[look!]!(answer);
    // No server sends one.
    return answer.type === "error" ? new Response(`an error, ${[...answer.headers]}`) : answer;
  });
}

/** An answer without what sessions add and what differs from one to the next; its headers in order of their names. */
function plain(answer: string): string[] {
  const [head, ...body] = answer.split("\r\n\r\n");
  const [status, ...fields] = head!.split("\r\n");
  const rest = body.join("\r\n\r\n");
  const boundary = /boundary="?([^"\r\n]+)/i.exec(head!)?.[1];
  const same = (text: string) => boundary === undefined ? text : text.replaceAll(boundary, "boundary");
  const lines = fields.map((field) => same(field).replace(/^[\w-]+:/, (name) => name.toLowerCase()));
  const added = /^(date|connection|keep-alive|set-cookie|vary|cache-control): /;
  return [status!, ...lines.filter((line) => !added.test(line)).sort(), same(rest)];
}

/** The same answer whether its body came in one piece or in chunks. */
function unchunked(answer: string): string {
  const [head, ...rest] = answer.split("\r\n\r\n");
  const body = /\r\ntransfer-encoding: chunked/i.test(head!)
    ? rest.join("\r\n\r\n").replace(/(?:^|\r\n)[0-9a-f]+(?:\r\n|$)/g, "")
    : rest.join("\r\n\r\n");
  return `${head!.replace(/\r\n(?:transfer-encoding|content-length): .*/gi, "")}\r\n\r\n${body.trimEnd()}`;
}

/** What the two requests bring that differ in the path alone. */
async function compare(port: number, way: string, look: string, path: string) {
  const range = way === "a part of a page" ? ["range: bytes=3-7"] : [];
  const ask = (path: string) => rawRequest(port, [`GET ${path} HTTP/1.1`, ...range]);
  const bare = await ask(`/bare/${encodeURIComponent(way)}/${encodeURIComponent(look)}`);
  const ours = await ask(`/session/${encodeURIComponent(way)}/${encodeURIComponent(look)}/${path}`);
  assert.notEqual(bare, "", way);
  return { bare, ours };
}

describe("a response as it is sent", () => {
  for (const work of Object.keys(works)) {
    it(`SR-012 is that of the bare handler, however it was made: session ${work}`, async () => {
      await using server = serve(makeSite());
      for (const way of [...Object.keys(ways), ...Object.keys(parts)]) {
        const { bare, ours } = await compare(server.port, way, "nothing", `inside/${work}`);
        assert.deepEqual(plain(ours), plain(bare), way);
        const isUsed = work !== "untouched" && way !== "Response.error";
        assert.equal(/\r\nvary: cookie\r\n/i.test(ours), isUsed, `${way}: vary`);
        assert.equal(/\r\nset-cookie: /i.test(ours), isUsed && work === "written", `${way}: cookie`);
      }
    });
  }

  for (const look of ["a look at the body", "a look at the headers"]) {
    it(`SR-012 is that of the bare handler after ${look}, before or since`, async () => {
      await using server = serve(makeSite());
      for (const way of Object.keys(ways)) {
        for (const place of ["inside", "outside"]) {
          for (const work of Object.keys(works)) {
            const { bare, ours } = await compare(server.port, way, look, `${place}/${work}`);
            // Deno sends a body that was looked at in chunks once headers were looked at too, which a session that is read has to.
            const isChunked = !isBun && look === "a look at the body" && work === "read";
            const [wanted, got] = [bare, ours].map((text) => plain(isChunked ? unchunked(text) : text));
            assert.deepEqual(got, wanted, `${way}, ${place}, ${work}`);
          }
        }
      }
    });
  }

  it("is that of the bare handler as often as it gives the same constant without a body [SR-044]", async () => {
    const constants = {
      "empty text": new Response(""),
      "no bytes": new Response(new Uint8Array()),
      null: new Response(null, { status: 204 }),
    };
    for (const [name, constant] of Object.entries(constants)) {
      const { sessions } = makeSite();
      const wrapped = sessions.wrap(async (request) => {
        (await request.session).set("mark", name);
        return constant;
      });
      await using server = listen((request: Request) => wrapped(request));
      const cookies = new Set<string>();
      for (let i = 0; i < 3; i++) {
        const response = await fetch(server.url);
        assert.equal(response.status, constant.status, `${name}, ${i}`);
        assert.equal(await response.text(), "");
        for (const cookie of response.headers.getSetCookie()) cookies.add(cookie);
        assert.equal(response.headers.getSetCookie().length, 1, `${name}, ${i}`);
      }
      assert.equal(cookies.size, 3, "each visitor has a cookie of their own");
    }
  });
});
