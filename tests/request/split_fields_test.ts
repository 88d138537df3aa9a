import assert from "node:assert/strict";
import { connect } from "node:http2";
import { describe, it } from "node:test";
import { begin, makeSite, read, type Site, withLive } from "../support/identity_rig.ts";
import { isBun, listen, rawRequest } from "../support/live_server.ts";
import { type CookieVectors, itWithVectors, vectors } from "../support/vectors.ts";

const onDeno = isBun ? { skip: "not on this runtime: a server that speaks HTTP/2 without TLS" } : {};

const serve = (site: Site) =>
  listen(site.sessions.wrap(async (request) => new Response(`<${read(await request.session)}>`)));

async function overHttp1(port: number, fields: readonly string[]): Promise<string> {
  const answer = await rawRequest(port, ["GET / HTTP/1.1", ...fields.map((field) => `cookie: ${field}`)]);
  assert.match(answer, /^HTTP\/1\.1 200 /);
  return /<(.*)>/.exec(answer)![1]!;
}

function overHttp2(url: string, fields: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const client = connect(url);
    client.on("error", reject);
    const stream = client.request({ ":path": "/", cookie: fields as string[] });
    let text = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk) => text += chunk);
    stream.on("error", reject);
    stream.on("end", () => {
      client.close();
      resolve(/<(.*)>/.exec(text)?.[1] ?? text);
    });
    stream.end();
  });
}

/** The orders in which a live cookie can come between others in fields of its own. */
const layouts = [["LIVE"], ["a=1", "LIVE"], ["LIVE", "a=1"], ["a=1", "LIVE", "b=2"], ["a=1; b=2", "LIVE"], [
  "a=1; LIVE",
  "b=2; c=3",
]];

describe("several Cookie fields", () => {
  it("SR-017 over HTTP/1.1 the session is found wherever it comes", async () => {
    const site = makeSite();
    const live = `__Host-sid=${await begin(site, "mine")}`;
    await using server = serve(site);
    for (const layout of layouts) {
      const fields = layout.map((field) => field.replace("LIVE", live));
      assert.equal(await overHttp1(server.port, fields), "mine", layout.join(" | "));
    }
  });

  it("SR-017 over HTTP/2 the session is found wherever it comes", onDeno, async () => {
    const site = makeSite();
    const live = `__Host-sid=${await begin(site, "mine")}`;
    await using server = serve(site);
    for (const layout of layouts) {
      const fields = layout.map((field) => field.replace("LIVE", live));
      assert.equal(await overHttp2(server.url, fields), "mine", layout.join(" | "));
    }
  });

  it("SR-017 two live sessions in two fields stay ambiguous", async () => {
    const site = makeSite();
    const [one, two] = [`__Host-sid=${await begin(site, "one")}`, `__Host-sid=${await begin(site, "two")}`];
    await using server = serve(site);
    for (const fields of [[one, two], [two, one], [one, "a=1", two]]) {
      assert.equal(await overHttp1(server.port, fields), "anonymous");
    }
  });

  itWithVectors("SR-017 the split fields of cookies.json lead where they say", async () => {
    const cases = vectors<CookieVectors>("cookies.json").splitFields;
    assert.equal(cases.length, 3);
    for (const { id, fields } of cases) {
      const site = makeSite();
      const live = (await withLive(site, fields.join("\n"))).split("\n");
      const expected = id === "split/duplicate-across-fields" ? "anonymous" : "A";
      await using server = serve(site);
      assert.equal(await overHttp1(server.port, live), expected, id);
      if (!isBun) assert.equal(await overHttp2(server.url, live), expected, id);
    }
  });

  it("SR-017 a server keeps a planted cookie out that a comma glues to another", async () => {
    const site = makeSite();
    const planted = await begin(site, "planted");
    await using server = serve(site);
    for (const fields of [[`a=1, __Host-sid=${planted}`], [`a=1,__Host-sid=${planted}`, "b=2"]]) {
      assert.equal(await overHttp1(server.port, fields), "anonymous");
    }
  });
});
