/** Sessions in cookies behind real servers, which refuse a request whose head is too long: what was saved can be read again. */

import assert from "node:assert/strict";
import { connect } from "node:http2";
import { describe, it } from "node:test";
import { CookieStore, type CookieStoreOptions } from "../../../backends/cookie.ts";
import { createSessions } from "../../../mod.ts";
import { selfSigned } from "../../support/chromium.ts";
import { secret } from "../../support/cookie/rig.ts";
import { isBun, listen, rawRequest } from "../../support/live_server.ts";
import { needs } from "../../support/needs.ts";
import { nginx, plainProxy } from "../../support/nginx.ts";
import { StrictJar } from "../../support/strict_jar.ts";

/** A long address, and what a browser sends beside its cookies, coming from an address as long as it shows one. */
const path = `/shop/${"offers-and-more/".repeat(120)}`;
const browser: readonly (readonly [string, string])[] = [
  ["sec-ch-ua", '"Chromium";v="146", "Not-A.Brand";v="24", "Google Chrome";v="146"'],
  ["sec-ch-ua-mobile", "?0"],
  ["sec-ch-ua-platform", '"Windows"'],
  ["upgrade-insecure-requests", "1"],
  [
    "user-agent",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36",
  ],
  [
    "accept",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
  ],
  ["sec-fetch-site", "same-origin"],
  ["sec-fetch-mode", "navigate"],
  ["sec-fetch-user", "?1"],
  ["sec-fetch-dest", "document"],
  ["referer", `https://site.test/${"a-long-address/".repeat(272)}`],
  ["accept-encoding", "gzip, deflate, br, zstd"],
  ["accept-language", "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7,fr;q=0.6"],
  ["priority", "u=0, i"],
];

/** `?save=n` saves a text of n characters, `?out` logs out. The answer is how long the text was when the request came. */
function app(options: Partial<CookieStoreOptions> = {}) {
  const sessions = createSessions<{ text: string }>({
    store: new CookieStore({ revocation: "none", chunks: 20, ...options }),
    secrets: [secret(1)],
    onError: (error) => new Response(error.code, { status: 507 }),
  });
  return sessions.wrap(async (request) => {
    const session = await request.session;
    const { searchParams } = new URL(request.url);
    const length = session.get("text")?.length ?? "none";
    if (searchParams.has("out")) await session.logout();
    if (searchParams.has("save")) session.set("text", "x".repeat(Number(searchParams.get("save"))));
    return new Response(`${length}`);
  });
}

interface Answer {
  readonly status: number;
  readonly fields: readonly string[];
  readonly text: string;
}

type Send = (path: string, cookie: string | undefined) => Promise<Answer>;

/** Sends over HTTP/1.1. */
const overHttp1 = (port: number): Send => async (path, cookie) => {
  const headers = [...browser, ...(cookie === undefined ? [] : [["cookie", cookie] as const])];
  const head = headers.map(([name, value]) => `${name}: ${value}`);
  const answer = await rawRequest(port, [`GET ${path} HTTP/1.1`, ...head]);
  const end = answer.indexOf("\r\n\r\n");
  const [first = "", ...rest] = answer.slice(0, end).split("\r\n");
  const fields = rest.filter((line) => /^set-cookie:/i.test(line)).map((line) => line.slice(11).trim());
  return { status: Number(first.split(" ")[1]), fields, text: answer.slice(end + 4) };
};

/** Sends over HTTP/2, each cookie in a field of its own, as browsers do. */
const overHttp2 = (port: number): Send => async (path, cookie) => {
  const client = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  try {
    return await new Promise((resolve, reject) => {
      client.on("error", reject);
      const cookies = cookie === undefined ? {} : { cookie: cookie.split("; ") };
      const request = client.request({ ":path": path, ...Object.fromEntries(browser), ...cookies });
      let answer: Answer = { status: 0, fields: [], text: "" };
      request.on("response", (headers) => {
        answer = { ...answer, status: headers[":status"]!, fields: headers["set-cookie"] ?? [] };
      });
      request.on("data", (data) => answer = { ...answer, text: answer.text + data });
      request.on("end", () => resolve(answer));
      request.on("error", reject);
    });
  } finally {
    client.close();
  }
};

/** A browser that keeps its cookies, of others too. */
class Visitor {
  readonly #send: Send;
  readonly #jar = new StrictJar();

  constructor(send: Send, others = "") {
    this.#send = send;
    if (others !== "") this.#jar.take("https://site.test/", [`_other=${others}; Path=/`]);
  }

  get header(): string {
    return this.#jar.header("https://site.test/") ?? "";
  }

  async visit(query = ""): Promise<string> {
    const { status, fields, text } = await this.#send(path + query, this.#jar.header("https://site.test/"));
    this.#jar.take("https://site.test/", fields);
    return `${status} ${text}`;
  }
}

/** Saves the largest session that is not refused, and sees that it can be read, and ended, and that the next larger one harmed nothing. */
async function fill(send: Send, others: number): Promise<Visitor> {
  let [fits, over] = [0, 100_000];
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    const answer = await new Visitor(send, "o".repeat(others)).visit(`?save=${middle}`);
    if (answer === "200 none") fits = middle;
    else {
      assert.equal(answer, "507 ERR_TOO_LARGE");
      over = middle;
    }
  }
  const visitor = new Visitor(send, "o".repeat(others));
  await visitor.visit(`?save=${fits}`);
  assert.ok(visitor.header.length > 7_990 && visitor.header.length <= 8_000, `${visitor.header.length}`);
  assert.equal(await visitor.visit(), `200 ${fits}`);
  assert.equal(await visitor.visit(`?save=${over}`), "507 ERR_TOO_LARGE");
  assert.equal(await visitor.visit(`?save=${fits}`), `200 ${fits}`);
  return visitor;
}

describe("a session in cookies on a real server", () => {
  it("as large as it may be is read, saved and ended again, with all that a browser sends, and other cookies", async () => {
    await using server = listen(app());
    for (const others of [0, 4_000]) {
      const visitor = await fill(overHttp1(server.port), others);
      assert.match(await visitor.visit("?out"), /^200 \d+$/);
      assert.equal(await visitor.visit(), "200 none");
      assert.equal(visitor.header.length, others === 0 ? 0 : others + "_other=".length);
    }
  });

  it(
    "as large as it may be is read, saved and ended again over HTTP/2",
    isBun ? { skip: "not on this runtime: Bun.serve speaks no HTTP/2" } : {},
    async () => {
      await using server = listen(app(), undefined, selfSigned());
      const visitor = await fill(overHttp2(server.port), 3_000);
      assert.match(await visitor.visit("?out"), /^200 \d+$/);
      assert.equal(await visitor.visit(), "200 none");
    },
  );

  it("is saved when it grows no longer than the header that was read, whatever other cookies there are", async () => {
    await using server = listen(app());
    const others = ["_more=1"];
    const visitor = new Visitor((path, cookie = "") =>
      overHttp1(server.port)(path, [cookie, ...others].filter(Boolean).join("; "))
    );
    assert.equal(await visitor.visit("?save=4000"), "200 none");
    others.push(`_later=${"m".repeat(4_000)}`);
    assert.ok(visitor.header.length + 4_000 > 9_000);
    assert.equal(await visitor.visit("?save=4000"), "200 4000");
    assert.equal(await visitor.visit("?save=4010"), "507 ERR_TOO_LARGE");
    assert.equal(await visitor.visit("?save=3000"), "200 4000");
    assert.equal(await visitor.visit(), "200 3000");
  });

  it("may be larger where the server was told to take more", async () => {
    await using server = listen(app({ maxHeaderBytes: 12_000 }));
    const visitor = new Visitor(overHttp1(server.port));
    assert.equal(await visitor.visit("?save=7000"), "200 none");
    assert.ok(visitor.header.length > 8_000);
    assert.equal(await visitor.visit("?save=9000"), "507 ERR_TOO_LARGE");
  });

  it(
    "goes through an nginx whose buffer for the head of a response is 16k, and not through a smaller one",
    needs("nginx", nginx !== undefined),
    async () => {
      await using server = listen(app());
      await using told = await plainProxy(server.port, "proxy_buffer_size 16k; proxy_buffers 4 16k;");
      await fill(overHttp1(told.port), 0);
      await using untold = await plainProxy(server.port, "proxy_buffer_size 4k;");
      const visitor = new Visitor(overHttp1(untold.port));
      assert.equal(await visitor.visit("?save=2500"), "200 none");
      assert.match(await visitor.visit("?save=2900"), /^502 /);
    },
  );
});
