import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { describe, it } from "node:test";
import type { Session } from "../../mod.ts";
import { makeSite, read, tokenOf, writes } from "../support/identity_rig.ts";
import { isBun, listen, rawRequest } from "../support/live_server.ts";

type Work = (session: Session) => unknown;

/** A server whose pages are `pages`, each after `work` with the session. */
function site(
  pages: Record<string, (request: Request) => Response | Promise<Response>>,
  work: Work = writes("mine"),
) {
  const made = makeSite();
  const server = listen(made.sessions.wrap(async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/read") return new Response(String(read(await request.session)));
    await work(await request.session);
    return await pages[pathname.slice(1)]!(request);
  }));
  return { ...made, ...server, [Symbol.asyncDispose]: server[Symbol.asyncDispose] };
}

const manual: RequestInit = { redirect: "manual" };

/** The session that an answer's cookie leads to. */
async function seen(url: string, answer: Response): Promise<string> {
  return await (await fetch(`${url}/read`, { headers: { cookie: `__Host-sid=${tokenOf(answer)}` } })).text();
}

describe("answers that are hard to change", () => {
  it("SR-012 a redirect after a log-in keeps its status and its place, and brings the cookie", async () => {
    const pages = {
      made: () => Response.redirect("https://elsewhere.test/home?a=1#b", 302),
      also: () => Response.redirect("https://elsewhere.test/home", 307),
      own: () => new Response(null, { status: 303, headers: { location: "/home" } }),
    };
    await using server = site(pages, (session) => {
      session.login("ada");
      session.set("mark", "mine");
    });
    for (
      const [page, status, location] of [["made", 302, "https://elsewhere.test/home?a=1#b"], [
        "also",
        307,
        "https://elsewhere.test/home",
      ], ["own", 303, "/home"]] as const
    ) {
      const answer = await fetch(`${server.url}/${page}`, manual);
      await answer.body?.cancel();
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get("location"), location);
      assert.equal(await seen(server.url, answer), "mine");
    }
  });

  it("SR-012 an answer that was fetched from elsewhere goes through with body, headers and cookies", async () => {
    await using upstream = listen((request: Request) => {
      const { pathname } = new URL(request.url);
      const status = Number(pathname.slice(1));
      if (status > 0) return new Response(null, { status, headers: { "x-from": "upstream" } });
      const answer = new Response("upstream body", {
        status: 203,
        headers: { "x-from": "upstream", "content-type": "text/x-test" },
      });
      answer.headers.append("set-cookie", "a=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT");
      answer.headers.append("set-cookie", "b=2");
      return answer;
    });
    const via = (path: string) => () => fetch(upstream.url + path);
    await using server = site({ full: via("/full"), 204: via("/204"), 205: via("/205"), 304: via("/304") });
    const full = await fetch(`${server.url}/full`);
    assert.deepEqual([
      full.status,
      await full.text(),
      full.headers.get("x-from"),
      full.headers.get("content-type"),
    ], [203, "upstream body", "upstream", "text/x-test"]);
    assert.deepEqual(full.headers.getSetCookie().slice(0, 2), [
      "a=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT",
      "b=2",
    ]);
    assert.equal(full.headers.getSetCookie().length, 3);
    assert.equal(await seen(server.url, full), "mine");
    const inside = makeSite().sessions.wrap(async (request) => {
      writes("mine")(await request.session);
      return await fetch(`${upstream.url}/full`);
    });
    const rebuilt = await inside(new Request("https://site.test/"));
    assert.deepEqual([rebuilt.status, rebuilt.statusText, await rebuilt.text()], [
      203,
      full.statusText,
      "upstream body",
    ]);
    for (const status of [204, 205, 304]) {
      const empty = await fetch(`${server.url}/${status}`);
      assert.deepEqual([empty.status, await empty.text(), empty.headers.get("x-from")], [
        status,
        "",
        "upstream",
      ]);
      assert.equal(await seen(server.url, empty), "mine");
    }
  });

  it("SR-012 a compressed answer that was fetched reaches the client as it does without sessions", async () => {
    const text = "upstream ".repeat(20);
    const zipped = new Uint8Array(gzipSync(text));
    await using upstream = listen(() =>
      new Response(zipped, { headers: { "content-encoding": "gzip", "content-type": "text/plain" } })
    );
    const proxy = () => fetch(upstream.url);
    const read = async (url: string) => {
      try {
        return await (await fetch(url)).text();
      } catch {
        return "unreadable"; // what Bun makes of it with and without sessions
      }
    };
    await using bare = listen(proxy);
    await using server = site({ gzip: proxy });
    const expected = await read(bare.url);
    if (!isBun) assert.equal(expected, text);
    assert.equal(await read(`${server.url}/gzip`), expected);
  });

  it("SR-012 statuses without a body stay without one", async () => {
    const pages = Object.fromEntries(
      [204, 205, 304].map((
        status,
      ) => [String(status), () => new Response(null, { status, headers: { "x-page": "1" } })]),
    );
    await using server = site(pages);
    for (const status of [204, 205, 304]) {
      const answer = await fetch(`${server.url}/${status}`);
      assert.deepEqual([answer.status, await answer.text(), answer.headers.get("x-page")], [status, "", "1"]);
      assert.equal(await seen(server.url, answer), "mine");
    }
  });

  it("SR-012 an implicit content type, a status text and odd headers stay as they are", async () => {
    const pages: Record<string, () => Response> = {
      text: () => new Response("text"),
      json: () => Response.json({ a: 1 }),
      form: () => new Response(new URLSearchParams({ a: "1" })),
      blob: () => new Response(new Blob(["x"], { type: "image/x-test" })),
      bytes: () => new Response(new Uint8Array(3)),
      teapot: () =>
        new Response("no", {
          status: 418,
          statusText: "Short And Stout",
          headers: { "x-a": "1, 2", vary: "accept" },
        }),
    };
    await using server = site(pages);
    await using bare = listen((request: Request) => pages[new URL(request.url).pathname.slice(1)]!());
    const changed =
      /^(date|keep-alive|set-cookie|vary|cache-control|connection|transfer-encoding): .*\r\n/gim;
    for (const page of Object.keys(pages)) {
      const [with_, without] = await Promise.all(
        [server, bare].map(({ port }) => rawRequest(port, [`GET /${page} HTTP/1.1`])),
      );
      const sorted = (answer: string) =>
        answer.replace(changed, "").split("\r\n").map((line) =>
          line.replace(/^[\w-]+:/, (name) => name.toLowerCase())
        ).sort();
      assert.deepEqual(sorted(with_!), sorted(without!), page);
      assert.match(with_!, /\r\nset-cookie: __Host-sid=/i);
      assert.match(with_!, /\r\nvary: .*cookie/i);
    }
  });

  it("SR-012 Response.error() passes through as it is, and nothing is saved", async () => {
    const { sessions, store } = makeSite();
    const error = Response.error();
    const handler = sessions.wrap(async (request) => {
      writes("mine")(await request.session);
      return error;
    });
    assert.equal(await handler(new Request("https://site.test/")), error);
    assert.equal(store.count(), 0);
  });

  it("SR-012 an answer whose session was not used is the very object, also when it was awaited", async () => {
    const { sessions, store } = makeSite();
    for (
      const made of [
        new Response("a"),
        Response.redirect("https://elsewhere.test/"),
        new Response(null, { status: 304 }),
        Response.error(),
      ]
    ) {
      assert.equal(await sessions.wrap(() => made)(new Request("https://site.test/")), made);
      const awaiting = sessions.wrap(async (request) => {
        await request.session;
        return made;
      });
      assert.equal(await awaiting(new Request("https://site.test/")), made);
      assert.equal(made.headers.get("vary"), null);
    }
    assert.equal(store.count(), 0);
  });

  it("SR-012 a fresh answer is changed in place, or replaced by one with the same body, and never both", async () => {
    const { sessions } = makeSite();
    const made = new Response("Grüße");
    const handler = sessions.wrap(async (request) => {
      writes("mine")(await request.session);
      return made;
    });
    const answer = await handler(new Request("https://site.test/"));
    assert.equal(answer === made, isBun);
    assert.equal(made.headers.has("set-cookie"), isBun);
    assert.equal(await answer.text(), "Grüße");
  });

  for (
    const [what, init] of [
      ["null", {}],
      ["a typed null", { headers: { "content-type": "text/html" } }],
      ["a null of 404", { status: 404 }],
      ["a redirect", { status: 303, headers: { location: "/home" } }],
    ] as const
  ) {
    it(`SR-043 one response for all: ${what} carries no cookie to whom sessions have no part in`, async () => {
      const same = new Response(null, init);
      const { sessions } = makeSite();
      const wrapped = sessions.wrap(async (request) => {
        writes("mine")(await request.session);
        return same;
      });
      await using server = listen((request: Request) =>
        new URL(request.url).pathname === "/bare" ? same : wrapped(request)
      );
      const ask = (path: string) => rawRequest(server.port, [`GET ${path} HTTP/1.1`]);
      for (let round = 0; round < 3; round++) {
        const answers = await Promise.all(["/session", "/bare", "/session", "/bare"].map(ask));
        const cookies = answers.map((answer) => answer.match(/set-cookie: [^;]*/gi) ?? []);
        assert.deepEqual(cookies.map(({ length }) => length), [1, 0, 1, 0]);
        assert.notEqual(cookies[0]![0], cookies[2]![0]);
      }
    });
  }
});

describe("streams", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);

  it("SR-012 the first byte arrives before the last is made", async () => {
    const { promise: first, resolve: arrived } = Promise.withResolvers<void>();
    const stream = () => {
      let step = 0;
      return new ReadableStream<Uint8Array>({
        async pull(controller) {
          if (step++ === 0) return controller.enqueue(bytes("first "));
          await first;
          controller.enqueue(bytes("last"));
          controller.close();
        },
      });
    };
    await using server = site({ stream: () => new Response(stream()) });
    const answer = await fetch(`${server.url}/stream`);
    assert.equal(await seen(server.url, answer), "mine", "the session is saved before the stream ends");
    const reader = answer.body!.getReader();
    const chunk = await reader.read();
    assert.equal(new TextDecoder().decode(chunk.value), "first ");
    arrived();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "last");
    assert.equal((await reader.read()).done, true);
  });

  it("SR-012 a long stream is passed on piece by piece, and stopped when the client leaves", async () => {
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
    const piece = new Uint8Array(64 * 1024);
    let made = 0;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          if (++made > 16 * 1024) controller.close(); // 1 GiB, which nobody should ever ask for
          else controller.enqueue(piece);
        },
        cancel: stop,
      }, { highWaterMark: 0 });
    await using server = site({ endless: () => new Response(endless()) });
    const leaving = new AbortController();
    const answer = await fetch(`${server.url}/endless`, { signal: leaving.signal });
    const reader = answer.body!.getReader();
    let received = 0;
    while (received < 4 * 1024 * 1024) received += (await reader.read()).value!.length;
    leaving.abort();
    await stopped;
    assert.ok(made < 4096, `${made} pieces were made`);
  });

  it("SR-012 a stream of an answer that was fetched passes on, too", async () => {
    const { promise: first, resolve: arrived } = Promise.withResolvers<void>();
    await using upstream = listen(() =>
      new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(bytes("first "));
            await first;
            controller.enqueue(bytes("last"));
            controller.close();
          },
        }),
      )
    );
    await using server = site({ proxied: () => fetch(upstream.url) });
    const answer = await fetch(`${server.url}/proxied`);
    const reader = answer.body!.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "first ");
    arrived();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "last");
    assert.equal(await seen(server.url, answer), "mine");
  });

  it("a write from inside the stream is refused, and open() reaches the session there", async () => {
    const { sessions, store } = makeSite();
    const codes: unknown[] = [];
    const handler = sessions.wrap(async (request) => {
      const session = await request.session;
      session.set("mark", "mine");
      await session.save();
      const stream = new ReadableStream({
        async pull(controller) {
          try {
            session.set("mark", "lost");
          } catch (error) {
            codes.push((error as { code: unknown }).code);
          }
          const later = await sessions.open(session.id);
          later.set("mark", "later");
          await later.save();
          controller.close();
        },
      }, { highWaterMark: 0 });
      return new Response(stream);
    });
    const answer = await handler(new Request("https://site.test/"));
    await answer.text();
    assert.deepEqual(codes, ["ERR_CLOSED"]);
    assert.equal(await (await makeSite({ store }).visit(`__Host-sid=${tokenOf(answer)}`)).text(), "later");
  });
});
