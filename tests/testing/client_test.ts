import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { SessionClient } from "../../src/testing.ts";

const cookieOf = (request: Request): string => request.headers.get("cookie") ?? "";

function setting(...fields: string[]): Response {
  const response = new Response("ok");
  for (const field of fields) response.headers.append("set-cookie", field);
  return response;
}

function redirect(location: string, status = 302, ...fields: string[]): Response {
  const response = setting(...fields);
  return new Response(null, { status, headers: [...response.headers, ["location", location]] });
}

describe("SessionClient over a handler", () => {
  it("speaks to https://localhost/, and sends no cookie header when it has none", async () => {
    const seen: Request[] = [];
    const client = new SessionClient((request) => {
      seen.push(request);
      return new Response();
    });
    await client.fetch();
    await client.fetch("/a/b?c=d", { method: "POST", body: "x", headers: { "x-test": "1" } });
    assert.deepEqual(seen.map(({ url, method }) => [method, url]), [
      ["GET", "https://localhost/"],
      ["POST", "https://localhost/a/b?c=d"],
    ]);
    assert.equal(seen[0]!.headers.has("cookie"), false);
    assert.equal(seen[1]!.headers.get("x-test"), "1");
    assert.equal(await seen[1]!.text(), "x");
  });
  it("keeps several cookies of one answer, changes and removes them", async () => {
    const answers = [
      setting("__Host-sid=one; Path=/; Secure; HttpOnly; SameSite=Lax", "theme=dark"),
      setting("__Host-sid=two; Path=/; Secure; HttpOnly"),
      setting("__Host-sid=; Path=/; Secure; Max-Age=0"),
      setting(),
    ];
    const seen: string[] = [];
    const client = new SessionClient((request) => {
      seen.push(cookieOf(request));
      return answers.shift();
    });
    const live = client.cookies;
    for (let n = 0; n < 4; n++) await client.fetch("/");
    assert.deepEqual(seen, ["", "__Host-sid=one; theme=dark", "__Host-sid=two; theme=dark", "theme=dark"]);
    assert.ok(live instanceof Map);
    assert.deepEqual([...live], [["theme", "dark"]]);
    assert.equal(live, client.cookies);
  });
  it("cookies can be planted, changed, forgotten and cleared", async () => {
    let seen = "";
    const client = new SessionClient((request) => {
      seen = cookieOf(request);
      return setting("deep=1; Path=/deep");
    });
    client.cookies.set("__Host-sid", "forged").set("other", "1");
    await client.fetch("/any/where");
    assert.equal(seen, "__Host-sid=forged; other=1");
    client.cookies.set("deep", "2");
    assert.equal(client.cookies.delete("other"), true);
    assert.equal(client.cookies.delete("other"), false);
    await client.fetch("/deep");
    assert.equal(seen, "deep=2; __Host-sid=forged");
    client.cookies.clear();
    assert.equal(client.cookies.size, 0);
    await client.fetch("/deep");
    assert.equal(seen, "");
  });
  it("cookies end by the clock it was given", async () => {
    let now = 1_000_000;
    const client = new SessionClient(() => setting("a=1; Max-Age=10"), { now: () => now });
    await client.fetch("/");
    now += 9_999;
    assert.equal(client.cookies.get("a"), "1");
    now += 1;
    assert.equal(client.cookies.has("a"), false);
  });
  it("a cookie header of the caller goes out in place of the kept cookies", async () => {
    let seen = "";
    const client = new SessionClient((request) => {
      seen = cookieOf(request);
      return setting("a=1");
    });
    await client.fetch("/");
    await client.fetch("/", { headers: { cookie: "a=forged; a=twice" } });
    assert.equal(seen, "a=forged; a=twice");
    assert.equal(client.cookies.get("a"), "1");
  });
  it("changes neither the caller's headers nor its init", async () => {
    const init = Object.freeze({ headers: new Headers({ "x-test": "1" }) });
    const client = new SessionClient(() => setting("a=1"));
    await client.fetch("/", init);
    await client.fetch("/", init);
    assert.deepEqual([...init.headers], [["x-test", "1"]]);
  });
  it("parallel requests keep all cookies", async () => {
    const client = new SessionClient(async (request) => {
      await null;
      const name = new URL(request.url).pathname.slice(1);
      return setting(`${name}=1; Path=/`);
    });
    await Promise.all(Array.from({ length: 20 }, (_, n) => client.fetch(`/c${n}`)));
    assert.equal(client.cookies.size, 20);
  });
  it("what the handler throws comes out, and an answer of undefined is an error", async () => {
    const failing = new SessionClient(() => {
      throw new RangeError("mine");
    });
    await assert.rejects(failing.fetch("/"), { name: "RangeError", message: "mine" });
    await assert.rejects(new SessionClient(() => undefined).fetch("/"), {
      name: "TypeError",
      message: /undefined/,
    });
  });
  it("refuses what is no address", () => {
    assert.throws(() => new SessionClient("nonsense"), TypeError);
    assert.throws(() => new SessionClient("file:///etc/passwd"), {
      name: "TypeError",
      message: /http or https/,
    });
  });
});

describe("SessionClient and redirects", () => {
  /** Answers `/n` with a redirect to `/n-1`, down to `/0`. */
  const countdown = (request: Request) => {
    const n = Number(new URL(request.url).pathname.slice(1));
    return n === 0 ? new Response(cookieOf(request)) : redirect(`/${n - 1}`, 302, `c${n}=1; Path=/`);
  };
  it("answers them as they are unless asked to follow", async () => {
    const client = new SessionClient(countdown);
    const response = await client.fetch("/1");
    assert.equal(response.status, 302);
    assert.equal(response.headers.get("location"), "/0");
    assert.equal(client.cookies.get("c1"), "1");
  });
  it("follows up to 20, with the cookies of every hop", async () => {
    const response = await new SessionClient(countdown).fetch("/20", { redirect: "follow" });
    assert.equal((await response.text()).split("; ").length, 20);
    await assert.rejects(
      new SessionClient(countdown).fetch("/21", { redirect: "follow" }),
      /more than 20 redirects/,
    );
  });
  it("redirect: error throws", async () => {
    await assert.rejects(new SessionClient(countdown).fetch("/1", { redirect: "error" }), TypeError);
    assert.equal((await new SessionClient(countdown).fetch("/0", { redirect: "error" })).status, 200);
  });
  it("a redirect without a location is an answer", async () => {
    const client = new SessionClient(() => new Response(null, { status: 302 }));
    assert.equal((await client.fetch("/", { redirect: "follow" })).status, 302);
  });
  const methods: readonly [status: number, sent: string, method: string, body: string][] = [
    [301, "POST", "GET", ""],
    [302, "POST", "GET", ""],
    [303, "POST", "GET", ""],
    [303, "PUT", "GET", ""],
    [302, "PUT", "PUT", "x"],
    [307, "POST", "POST", "x"],
    [308, "POST", "POST", "x"],
    [303, "HEAD", "HEAD", ""],
  ];
  for (const [status, sent, method, body] of methods) {
    it(`${status} after ${sent} is followed with ${method}`, async () => {
      const client = new SessionClient(async (request) => {
        if (new URL(request.url).pathname !== "/end") return redirect("/end", status);
        assert.equal(request.headers.has("content-type"), body !== "");
        return new Response(null, { headers: { method: request.method, body: await request.text() } });
      });
      const init = sent === "HEAD" ? {} : { body: "x", headers: { "content-type": "text/plain" } };
      const { headers } = await client.fetch("/", { method: sent, redirect: "follow", ...init });
      assert.equal(headers.get("method"), method);
      assert.equal(headers.get("body") ?? "", body);
    });
  }
  it("another origin gets neither the cookies nor the authorization", async () => {
    const client = new SessionClient((request) => {
      if (request.url === "https://localhost/") return redirect("https://elsewhere.example/", 307, "a=1");
      return new Response(cookieOf(request) + String(request.headers.get("authorization")));
    });
    const headers = { authorization: "secret", cookie: "b=2" };
    assert.equal(await (await client.fetch("/", { headers, redirect: "follow" })).text(), "null");
  });
  it("a stream cannot be sent twice", async () => {
    const client = new SessionClient(() => redirect("/", 307));
    const body = new Response("x").body!;
    const init = { method: "POST", body, redirect: "follow", duplex: "half" } as RequestInit;
    await assert.rejects(client.fetch("/", init), { name: "TypeError", message: /stream/ });
  });
});

describe("SessionClient over a URL", () => {
  const server = createServer((request, response) => {
    const visits = Number(/visits=(\d+)/.exec(request.headers.cookie ?? "")?.[1] ?? 0) + 1;
    const cookies = [`visits=${visits}; Secure; HttpOnly`, "other=1; Path=/elsewhere"];
    response.writeHead(request.url === "/go" ? 303 : 200, { "set-cookie": cookies, location: "/" });
    response.end(`visit ${visits}`);
  });
  let base: string;
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  after(async () => {
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  });

  it("keeps cookies over the network, and does not follow by itself", async () => {
    for (const url of [base, new URL(base)]) {
      const client = new SessionClient(url);
      assert.equal(await (await client.fetch()).text(), "visit 1");
      const moved = await client.fetch("/go", { method: "POST" });
      assert.equal(moved.status, 303);
      assert.equal(await moved.text(), "visit 2");
      assert.equal(await (await client.fetch("/go", { redirect: "follow" })).text(), "visit 4");
      assert.deepEqual([...client.cookies], [["visits", "4"], ["other", "1"]]);
    }
  });
});
