/** The demo shop, over real HTTP. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SqliteStore } from "../../backends/sqlite.ts";
import { makeApp, type ShopData } from "../../examples/demo.ts";
import { deviceName } from "../../examples/demo/device.ts";
import { type RunningServer, serve } from "../../examples/demo/serve.ts";
import { watchStore } from "../../examples/demo/watch.ts";
import { createSessions, type Sessions } from "../../mod.ts";
import { rawRequest } from "../support/live_server.ts";
import { agents, Visitor, visits } from "../support/visitor.ts";

const fingerprint = (page: string) => /<code>([0-9a-f]{8})<\/code>/.exec(page)?.[1];
const notice = (page: string) => /role="status">([^<]*)</.exec(page)?.[1];
const total = (page: string) => /class="total">.*?<b>([^<]*)</s.exec(page)?.[1];
const labels = (page: string) => {
  const devices = page.slice(page.indexOf('id="devices"'), page.indexOf('id="session"'));
  return [...devices.matchAll(/<b>([^<]*)</g)].map((match) => match[1]);
};
const handleOf = (page: string) => /name="handle" value="([^"]+)"/.exec(page)![1]!;

describe("the demo shop", () => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-demo-"));
  let sessions: Sessions<ShopData>;
  let server: RunningServer;
  const visitor = (agent?: string) => new Visitor(`http://127.0.0.1:${server.port}`, agent);

  before(async () => {
    sessions = createSessions<ShopData>({
      store: watchStore(await SqliteStore.open(join(folder, "sessions.db"))),
      secrets: [crypto.getRandomValues(new Uint8Array(32))],
      cookie: { name: "sid", secure: false },
    });
    server = serve(makeApp(sessions), 0);
  });

  after(async () => {
    await server.stop();
    await sessions.close();
    rmSync(folder, { recursive: true });
  });

  it("counts the visits of each visitor", async () => {
    const [one, other] = [visitor(), visitor()];
    assert.equal(visits(await one.look()), 1);
    assert.equal(visits(await one.look()), 2);
    assert.equal(visits(await other.look()), 1);
    assert.equal(visits(await one.look()), 3);
  });

  it("keeps a nested cart that is changed in place", async () => {
    const ada = visitor();
    await ada.send("/cart/add", { product: "map" });
    await ada.send("/cart/add", { product: "lantern" });
    assert.equal(total(await ada.send("/cart/add", { product: "map" })), "€49.00");
    assert.match(
      await ada.send("/cart/change", { product: "lantern", change: "gift" }),
      /wrapped as a gift/,
    );
    assert.equal(total(await ada.send("/cart/change", { product: "map", change: "less" })), "€40.50");
    assert.equal(total(await ada.send("/cart/change", { product: "map", change: "less" })), "€32.00");
    assert.equal(total(await ada.send("/cart/change", { product: "lantern", change: "more" })), "€64.00");
    assert.equal(total(await ada.send("/cart/change", { product: "lantern", change: "remove" })), undefined);
    assert.equal(total(await ada.send("/cart/add", { product: "no such thing" })), undefined);
  });

  it("loses nothing that is added at the same time", async () => {
    const ada = visitor();
    await ada.look();
    const adds = Array.from({ length: 12 }, (_, n) => ["map", "lantern", "postcard"][n % 3]!);
    const answers = await Promise.all(adds.map((product) => ada.post("/cart/add", { product })));
    assert.deepEqual(answers.map(({ status }) => status), adds.map(() => 303));
    assert.equal(total(await ada.look()), "€168.00");
  });

  it("shows a notice once", async () => {
    const ada = visitor();
    assert.equal(notice(await ada.send("/cart/add", { product: "map" })), "Folding map is in your cart.");
    assert.equal(notice(await ada.look()), undefined);
  });

  it("gives a new id at the log-in and keeps the data", async () => {
    const ada = visitor();
    await ada.look();
    const before = await ada.send("/cart/add", { product: "lantern" });
    const old = ada.cookie!;
    const page = await ada.send("/login", { name: "  Ada ", stay: "on" });
    assert.match(page, /Logged in as <b>Ada<\/b>/);
    assert.equal(total(page), "€32.00");
    assert.equal(visits(page), 3);
    assert.notEqual(fingerprint(page), fingerprint(before));
    assert.notEqual(ada.cookie, old);

    const thief = visitor();
    thief.client.cookies.set("sid", old);
    const refused = await thief.client.fetch("/");
    assert.equal(refused.status, 409);
    assert.equal(refused.headers.get("set-cookie"), null);
  });

  it("says when the session ends", async () => {
    const ada = visitor();
    assert.match(await ada.look(), /It ends on <time datetime="[^"]+">[^<]+ UTC<\/time>, 14 days from now/);
    assert.match(await ada.send("/login", { name: "Brief" }), /It ends when you close the browser/);
    const response = await ada.post("/login", { name: "Brief" });
    assert.doesNotMatch(response.headers.get("set-cookie")!, /max-age/i);
  });

  it("refuses a name that is none", async () => {
    const ada = visitor();
    for (const name of ["", "   ", "x".repeat(41)]) {
      const page = await ada.send("/login", { name });
      assert.match(notice(page)!, /1 to 40 characters/);
      assert.doesNotMatch(page, /Logged in/);
    }
  });

  it("lists the devices of a user and signs out one of them", async () => {
    const [laptop, phone] = [visitor(), visitor(agents.safari)];
    await phone.send("/login", { name: "Grace", stay: "on" });
    const page = await laptop.send("/login", { name: "grace", stay: "on" });
    assert.deepEqual(labels(page), ["Firefox on Linux", "Safari on iPhone"]);
    assert.equal(page.match(/This device/g)?.length, 1);

    const left = await laptop.send("/devices/end", { handle: handleOf(page) });
    assert.equal(notice(left), "That device is signed out.");
    assert.deepEqual(labels(left), ["Firefox on Linux"]);
    const stranger = await phone.look();
    assert.equal(visits(stranger), 1);
    assert.doesNotMatch(stranger, /Logged in/);
    assert.match(
      notice(await laptop.send("/devices/end", { handle: handleOf(page) }))!,
      /signed out already/,
    );
  });

  it("does not sign out somebody else's device", async () => {
    const [alan, again, mallory] = [visitor(), visitor(), visitor()];
    await alan.send("/login", { name: "Alan" });
    const handle = handleOf(await again.send("/login", { name: "Alan" }));
    await mallory.send("/devices/end", { handle });
    await mallory.send("/login", { name: "Mallory" });
    await mallory.send("/devices/end", { handle });
    assert.match(await alan.look(), /Logged in as <b>Alan<\/b>/);
  });

  it("signs out all others", async () => {
    const all = [visitor(), visitor(agents.safari), visitor(agents.chrome)];
    for (const one of all) await one.send("/login", { name: "Edsger" });
    const page = await all[0]!.send("/devices/end-others");
    assert.equal(notice(page), "Signed out 2 other devices.");
    assert.deepEqual(labels(page), ["Firefox on Linux"]);
    for (const one of all.slice(1)) assert.doesNotMatch(await one.look(), /Logged in/);
  });

  it("signs out everywhere, here too", async () => {
    const all = [visitor(), visitor(agents.safari)];
    for (const one of all) await one.send("/login", { name: "Barbara" });
    const page = await all[0]!.send("/devices/end-all");
    assert.match(notice(page)!, /everywhere: 2 devices/);
    assert.equal(visits(page), 1);
    for (const one of all) assert.doesNotMatch(await one.look(), /Logged in/);
    const stranger = visitor();
    await stranger.send("/devices/end-all");
    assert.equal(notice(await stranger.look()), undefined);
  });

  it("shows what the last requests cost, and no secret", async () => {
    const ada = visitor();
    const hood = async () => {
      const response = await ada.client.fetch("/hood");
      for (const header of ["set-cookie", "vary"]) assert.equal(response.headers.get(header), null);
      return await response.text();
    };
    const costs = (page: string) =>
      [...page.matchAll(/<th scope="row">(.*?)<\/tr>/gs)].map(([, row]) =>
        row!.replace(/<[^>]*>/g, "").trim().split(/\s*\n\s*/)
      );
    assert.match(await hood(), /Nothing yet/);
    await ada.look();
    await ada.look();
    await ada.post("/login", { name: "Ada" });
    const secrets = [ada.cookie!, ...ada.cookie!.split(".")];
    await hood();
    const page = await hood();
    const [own, login, look, first] = costs(page);
    assert.deepEqual(own, ["GET /hood", "200", "nothing", "nothing", "nothing"]);
    assert.deepEqual(login!.slice(0, 3), ["POST /login", "303", "load, save, list"]);
    assert.deepEqual(look, ["GET /", "200", "load, save", "nothing", "cache-control, vary"]);
    assert.deepEqual(first!.slice(0, 3), ["GET /", "200", "create"]);
    assert.match(first!.join(), /digest.*sign.*set-cookie/);
    assert.match(page, /set-cookie: sid=\(hidden\); Path=\//);
    for (const secret of secrets) assert.ok(!page.includes(secret));
    assert.match(await visitor().client.fetch("/hood").then((response) => response.text()), /Nothing yet/);
  });

  it("ends the session at the log-out", async () => {
    const ada = visitor();
    await ada.send("/cart/add", { product: "map" });
    await ada.send("/login", { name: "Radia" });
    const old = ada.cookie!;
    const page = await ada.send("/logout");
    assert.match(notice(page)!, /logged out/);
    assert.equal(visits(page), 1);
    assert.equal(total(page), undefined);
    assert.notEqual(ada.cookie, old);
    ada.client.cookies.set("sid", old);
    assert.equal(visits(await ada.look()), 1);
  });

  it("refuses forms of other sites", async () => {
    const ada = visitor();
    const url = `http://127.0.0.1:${server.port}`;
    await ada.look();
    const foreign: Record<string, string>[] = [
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site", origin: url },
      { origin: "https://example.com" },
      { origin: `http://127.0.0.1:${server.port + 1}` },
      { origin: "null" },
      { origin: "" },
    ];
    for (const headers of foreign) {
      const { status } = await ada.post("/cart/add", { product: "map" }, headers);
      assert.equal(status, 403, JSON.stringify(headers));
    }
    assert.equal(total(await ada.look()), undefined);
    for (const headers of [{ "sec-fetch-site": "same-origin" }, { origin: url }]) {
      assert.equal((await ada.post("/cart/add", { product: "map" }, headers)).status, 303);
    }
    assert.equal(total(await ada.look()), "€17.00");
  });

  it("answers a Host that is none with a page, and none of the source", async () => {
    for (const host of ["a b", "[", "localhost:99999", "<script>"]) {
      const answer = await rawRequest(server.port, ["GET / HTTP/1.1"], host);
      assert.match(answer, /^HTTP\/1\.1 400 /, host);
      assert.match(answer, /<h1>That is no address\.<\/h1>/, host);
      assert.doesNotMatch(answer, /\.ts\b|stack|set-cookie|<script/i, host);
    }
  });

  it("greets whoever was signed out as somebody who was here", async () => {
    const [laptop, phone] = [visitor(), visitor(agents.safari)];
    assert.match(await phone.look(), /This is your first visit/);
    for (const one of [laptop, phone]) await one.send("/login", { name: "Hedy" });
    assert.match(await laptop.send("/devices/end-others"), /Welcome back, Hedy/);
    const greeted = await phone.look();
    assert.match(greeted, /Welcome back\. This is visit <span class="count">1<\/span> of a new session/);
    assert.match(notice(greeted)!, /signed out/);
    assert.match(await phone.look(), /This is visit <span class="count">2<\/span>\./);
    for (const way of ["/logout", "/devices/end-all"]) {
      await laptop.send("/login", { name: "Hedy" });
      const page = await laptop.send(way);
      assert.match(page, /Welcome back\. This is visit <span class="count">1<\/span> of a new session/, way);
      assert.doesNotMatch(page, /first visit/, way);
    }
  });

  it("comes back from each form of the cart to where it was", async () => {
    const ada = visitor();
    await ada.look();
    const page = await ada.send("/cart/add", { product: "map" });
    const targets = [...page.matchAll(/action="\/cart\/(\w+)(#\w+)?"/g)].map(([, name, to]) =>
      `${name}${to}`
    );
    assert.deepEqual(new Set(targets), new Set(["add#shelf", "change#cart"]));
    for (const id of ["shelf", "cart"]) assert.equal(page.split(`id="${id}"`).length, 2);
  });

  it("escapes what a visitor typed", async () => {
    const page = await visitor().send("/login", { name: `<script>"x"&'y'` });
    assert.match(page, /Logged in as <b>&lt;script&gt;&quot;x&quot;&amp;&#39;y&#39;<\/b>/);
    assert.doesNotMatch(page, /<script/);
  });

  it("answers other addresses, methods and sizes without a session", async () => {
    const { client } = visitor();
    const answers: [number, string, RequestInit][] = [
      [404, "/favicon.ico", {}],
      [404, "/constructor", { method: "POST" }],
      [405, "/", { method: "POST" }],
      [405, "/logout", {}],
      [413, "/login", { method: "POST", body: `name=${"x".repeat(5000)}` }],
    ];
    for (const [status, path, init] of answers) {
      const response = await client.fetch(path, init);
      assert.equal(response.status, status, path);
      assert.equal(response.headers.get("set-cookie"), null);
      await response.body?.cancel();
    }
  });

  it("allows no style but its own, and no script", async () => {
    const response = await visitor().client.fetch("/");
    const style = /<style>([^]*)<\/style>/.exec(await response.text())![1]!;
    const policy = response.headers.get("content-security-policy")!;
    assert.ok(policy.includes(`style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`));
    assert.match(policy, /^default-src 'none'/);
  });

  it("names a device without repeating what the client sent", () => {
    assert.equal(deviceName(agents.chrome), "Chrome on Windows");
    assert.equal(deviceName("curl/8.5.0"), "curl");
    assert.equal(deviceName("<b>Firefox</b>"), "Unknown browser");
    assert.equal(deviceName(null), "Unknown browser");
  });
});
