import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { begin, makeSite, read, type Site, writes } from "../support/identity_rig.ts";
import { type BunServer, isBun, listen } from "../support/live_server.ts";

const onDeno = isBun ? { skip: "not on this runtime: Deno.upgradeWebSocket" } : {};
const onBun = isBun ? {} : { skip: "not on this runtime: server.upgrade" };

/** Opens a WebSocket by hand; the head of the answer, and the connection. */
async function shake(port: number, headers: readonly string[] = []) {
  const socket = connect(port, "127.0.0.1");
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  socket.setEncoding("latin1");
  socket.on("error", reject);
  socket.on("data", (chunk: string) => {
    text += chunk;
    if (text.includes("\r\n\r\n")) resolve(text.slice(0, text.indexOf("\r\n\r\n") + 2));
  });
  const key = Buffer.from("0123456789abcdef").toString("base64");
  const lines = [
    "GET / HTTP/1.1",
    "host: site.test",
    "upgrade: websocket",
    "connection: Upgrade",
    "sec-websocket-version: 13",
    `sec-websocket-key: ${key}`,
  ];
  socket.write([...lines, ...headers, "", ""].join("\r\n"));
  return { head: await promise, end: () => socket.destroy() };
}

/** One message there and back over the runtime's own client. */
function echo(port: number, message: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    socket.onerror = () => reject(new Error("the socket failed"));
    socket.onopen = () => socket.send(message);
    socket.onmessage = ({ data }) => {
      socket.onclose = () => resolve(String(data));
      socket.close();
    };
  });
}

const cookieIn = (head: string) => /\r\nset-cookie: (__Host-sid=[^;]+);/i.exec(head)?.[1];

/** A server whose sockets answer every message with what the session, reached by its id, says, and that write beforehand. */
function upgrading(
  site: Site,
  work: (session: Parameters<typeof read>[0]) => unknown,
  usesHeadersFor: boolean,
) {
  const { sessions } = site;
  const answer = async (id: string | undefined, message: string) => {
    const session = await sessions.open(id);
    session.set("mark", message);
    await session.save();
    return `${message} ${session.id === id}`;
  };
  if (isBun) {
    let id: string | undefined;
    const websocket = {
      async message(socket: { send(text: string): void }, message: string) {
        socket.send(await answer(id, message));
      },
    };
    const handler = sessions.wrap(async (request, server: BunServer) => {
      const session = await request.session;
      await work(session);
      const headers = await sessions.headersFor(request);
      id = session.id;
      if (server.upgrade(request, { headers })) return undefined;
      return new Response("no upgrade", { status: 400 });
    });
    return listen(handler as Parameters<typeof listen>[0], websocket);
  }
  return listen(sessions.wrap(async (request) => {
    const session = await request.session;
    await work(session);
    const headers = usesHeadersFor ? await sessions.headersFor(request) : new Headers();
    const { socket, response } = Deno.upgradeWebSocket(request);
    for (const [name, value] of headers) response.headers.append(name, value);
    socket.onmessage = async ({ data }) => socket.send(await answer(session.id, data));
    return response;
  }));
}

describe("upgrades", () => {
  for (const usesHeadersFor of isBun ? [true] : [true, false]) {
    const way = usesHeadersFor ? "with headersFor" : "with the 101 answer alone";

    it(`SR-012 a WebSocket upgrade brings a new session's cookie once, ${way}`, async () => {
      const site = makeSite();
      await using server = upgrading(site, writes("before"), usesHeadersFor);
      const { head, end } = await shake(server.port);
      end();
      assert.match(head, /^HTTP\/1\.1 101 /);
      assert.equal(head.match(/\r\nset-cookie: __Host-sid=/gi)?.length, 1);
      assert.equal(await (await site.visit(cookieIn(head))).text(), "before");
    });

    it(`SR-012 a WebSocket upgrade that only reads works and sends no cookie, ${way}`, async () => {
      const site = makeSite();
      const token = await begin(site, "mine");
      const marks: unknown[] = [];
      await using server = upgrading(site, (session) => marks.push(read(session)), usesHeadersFor);
      const { head, end } = await shake(server.port, [`cookie: __Host-sid=${token}`]);
      end();
      assert.match(head, /^HTTP\/1\.1 101 /);
      assert.equal(cookieIn(head), undefined);
      assert.deepEqual(marks, ["mine"]);
    });

    it(`SR-012 messages go both ways after the upgrade, and reach the session by its id, ${way}`, async () => {
      const site = makeSite();
      await using server = upgrading(site, writes("before"), usesHeadersFor);
      assert.equal(await echo(server.port, "hello"), "hello true");
    });
  }

  it("a session first asked for after the upgrade is the visitor's own or refused, and the socket works", async () => {
    const site = makeSite();
    const token = await begin(site, "mine");
    const seen: unknown[] = [];
    const look = async (request: Request) => {
      seen.push(await site.sessions.get(request).then(read, (error) => error.code));
    };
    const websocket = {
      message: (socket: { send(text: string): void }, message: string) => void socket.send(message),
    };
    const handler = site.sessions.wrap(async (request, server: BunServer) => {
      if (isBun) {
        assert.ok(server.upgrade(request));
        return await look(request) as undefined;
      }
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => socket.send(data);
      await look(request);
      return response;
    });
    await using server = listen(handler as Parameters<typeof listen>[0], websocket);
    const { head, end } = await shake(server.port, [`cookie: __Host-sid=${token}`]);
    end();
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.deepEqual(seen, [isBun ? "mine" : "ERR_CLOSED"]);
  });

  it("SR-012 the 101 answer of an upgrade is passed on also where every request saves", onDeno, async () => {
    const { sessions } = makeSite({ saveEveryRequest: true });
    const handlers = [
      sessions.wrap((request) => Deno.upgradeWebSocket(request).response),
      sessions.wrap((request) => Promise.resolve(Deno.upgradeWebSocket(request).response)),
    ];
    for (const handler of handlers) {
      await using server = listen(handler);
      const { head, end } = await shake(server.port, ["cookie: __Host-sid=none"]);
      end();
      assert.match(head, /^HTTP\/1\.1 101 /);
    }
  });

  it(
    "SR-012 the 101 answer of an upgrade whose session is not used is passed on untouched",
    onDeno,
    async () => {
      const { sessions, store } = makeSite();
      const made: Response[] = [];
      const handler = sessions.wrap((request) => {
        const { socket, response } = Deno.upgradeWebSocket(request);
        socket.onmessage = ({ data }) => socket.send(data);
        made.push(response);
        return response;
      });
      const given: Response[] = [];
      await using server = listen(async (request) => {
        const answer = await handler(request);
        given.push(answer);
        return answer;
      });
      assert.equal(await echo(server.port, "hello"), "hello");
      assert.equal(given[0], made[0]);
      assert.equal(store.count(), 0);
    },
  );

  it(
    "SR-012 undefined after server.upgrade is passed on, without headersFor, when the session is not used",
    onBun,
    async () => {
      const { sessions, store } = makeSite();
      const handler = sessions.wrap((request, server: BunServer) => {
        if (server.upgrade(request)) return undefined;
        return new Response("no upgrade", { status: 400 });
      });
      const websocket = {
        message: (socket: { send(text: string): void }, message: string) => socket.send(message),
      };
      await using server = listen(handler as Parameters<typeof listen>[0], websocket);
      assert.equal(await echo(server.port, "hello"), "hello");
      assert.equal(store.count(), 0);
    },
  );

  it("headersFor commits, closes the session, and the answer brings no second cookie", async () => {
    const site = makeSite();
    const handler = site.sessions.wrap(async (request) => {
      const session = await request.session;
      session.set("mark", "mine");
      const headers = await site.sessions.headersFor(request);
      assert.equal(headers.getSetCookie().length, 1);
      assert.throws(() => session.set("mark", "late"), { code: "ERR_CLOSED" });
      assert.equal(session.get("mark"), "mine");
      return new Response("ok", { headers });
    });
    const answer = await handler(new Request("https://site.test/"));
    assert.equal(answer.headers.getSetCookie().length, 1);
    assert.equal(site.store.count("create"), 1);
    await assert.rejects(site.sessions.headersFor(new Request("https://site.test/")), {
      code: "ERR_UNBOUND",
    });
  });

  it("a handler that answers undefined still commits", async () => {
    const site = makeSite();
    const token = await begin(site, "before");
    const handler = site.sessions.wrap(async (request) => {
      (await request.session).set("mark", "after");
    });
    assert.equal(
      await handler(new Request("https://site.test/", { headers: { cookie: `__Host-sid=${token}` } })),
      undefined,
    );
    assert.equal(await (await site.visit(`__Host-sid=${token}`)).text(), "after");
  });
});
