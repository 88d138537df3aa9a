/** Records that are not what was written: damaged, swapped, of a newer format, hostile (SR-050, SR-064, SR-074). */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CookieStore } from "../../backends/cookie.ts";
import { SessionError } from "../../mod.ts";
import { begin, fails, Site, Visitor } from "../support/fault_rig.ts";

/** What stands in the store cannot be a session: anonymous, reported, and left alone, also by a write. */
async function assertLeftAlone([data, head]: Damage, what: string): Promise<void> {
  const site = new Site();
  const visitor = await begin(site, { a: 1 }, "ada");
  const { id, cookie } = visitor;
  const planted = await site.plant(id, data, head);
  const read = await visitor.visit((session) => [session.size, session.userId, session.id].join());
  assert.equal(await read.text(), "0,,", what);
  assert.deepEqual(read.headers.getSetCookie(), [], what);
  assert.deepEqual(site.eventTypes(), ["damaged"], what);
  assert.match(site.events[0]!.tag ?? "", /^[0-9a-f]{8}$/);
  const written = await visitor.visit((session) => session.set("b", 2).size);
  assert.equal(written.status, 200, what);
  assert.notEqual(visitor.cookie, cookie, what);
  assert.deepEqual(await visitor.data(), { b: 2 }, what);
  assert.deepEqual((await site.stored(id)).record, planted, what);
}

/** The data of a record, and what becomes of its head. */
type Damage = readonly [data: string, head?: (head: string) => string];

const notes = (text: string) => (head: string) => `${head.split("\n", 1)[0]}\n${text}`;

const damages: Record<string, Damage> = {
  "an empty record": ["", () => ""],
  "a head without a format": ["{}", (head) => head.slice(2)],
  "a format of zero": ["{}", (head) => `0${head.slice(1)}`],
  "a negative format": ["{}", (head) => `-${head}`],
  "a head without a proof": ["{}", () => "1"],
  "a head with half of a proof": ["{}", (head) => head.slice(0, 14)],
  "a record cut short": ['{"a":'],
  "no data": [""],
  "null": ["null"],
  "an array": ["[1]"],
  "a number": ["7"],
  "two values": ["{}{}"],
  "half of the notes": ["{}", notes('{"expiry":')],
  "notes with a wrong expiry": ["{}", notes('{"expiry":"soon"}')],
  "notes with a wrong label": ["{}", notes('{"label":5}')],
  "notes that are null": ["{}", notes("null")],
  "notes that are a list": ["{}", notes("[]")],
  "a NUL": ["\0"],
  "100,000 nested arrays": [`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
  "100,000 nested arrays that never end": [`{"a":${"[".repeat(100_000)}`],
  "100,000 nested objects": [`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`],
  "nested arrays in the notes": ["{}", notes(`{"expiry":{"at":${"[".repeat(1_500)}${"]".repeat(1_500)}}}`)],
  "nesting one level over the limit": [`{"a":${"[".repeat(65)}${"]".repeat(65)}}`],
};

describe("a damaged record", () => {
  for (const [what, damage] of Object.entries(damages)) {
    const row = what.includes("nest") ? "SR-064" : "SR-050";
    it(`${row} ${what}: the visitor is anonymous, it is reported, and it is not overwritten`, async () => {
      await assertLeftAlone(damage, what);
    });
  }

  it("SR-064 nesting up to the limit is no damage", async () => {
    const site = new Site();
    const visitor = await begin(site);
    await site.plant(visitor.id, `{"a":${"[".repeat(64)}${"]".repeat(64)}}`);
    assert.deepEqual(Object.keys(await visitor.data()), ["a"]);
    assert.deepEqual(site.eventTypes(), []);
  });

  it("SR-064 brackets inside texts are no nesting", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: "[{".repeat(20_000), b: '"]['.repeat(100) });
    assert.equal((await visitor.data())["a"], "[{".repeat(20_000));
  });

  it("SR-050 no flipped bit crashes anything, and reading never changes the record", async () => {
    const site = new Site({ rolling: false }); // a longer expiry than the record's is a reason for a touch
    const visitor = await begin(site, { cart: ["tea"], "k\u00e9y": null }, "ada");
    await visitor.visit((session) => {
      session.setExpiry(1_000);
      session.setLabel("Firefox");
    });
    const { id } = visitor;
    const { data, head } = (await site.stored(id)).record!;
    const good = `${head}\n\n${data}`;
    let damaged = 0;
    for (let at = 0; at < good.length; at++) {
      if (at === head!.length || at === head!.length + 1) continue;
      for (let bit = 0; bit < 8; bit++) {
        const flipped = good.slice(0, at) + String.fromCharCode(good.charCodeAt(at) ^ (1 << bit)) +
          good.slice(at + 1);
        const planted = await site.plant(
          id,
          flipped.slice(head!.length + 2),
          () => flipped.slice(0, head!.length),
        );
        site.events.length = 0;
        const response = await visitor.visit((session) => JSON.stringify(session.toObject()));
        const what = JSON.stringify(flipped);
        assert.ok(response.status === 200 || response.status === 503, what);
        assert.deepEqual(response.headers.getSetCookie(), [], what);
        assert.deepEqual((await site.stored(id)).record, planted, what);
        if (site.eventTypes().includes("damaged")) {
          damaged++;
          assert.equal(await response.text(), "{}", what);
        }
      }
    }
    assert.ok(damaged > good.length);
    await site.plant(id, data, () => head!);
    assert.equal((await visitor.data())["k\u00e9y"], null);
  });

  it("SR-050 a store that tells a damaged record makes the visitor anonymous, and is left alone", async () => {
    for (const isAsync of [false, true]) {
      const site = new Site();
      const visitor = await begin(site);
      const { id } = visitor;
      const before = await site.stored(id);
      const { inner } = site.store;
      const damaged = () => new SessionError("ERR_DAMAGED", "checksum");
      site.store.load = (key) => {
        if (key !== before.key) return inner.load(key);
        if (isAsync) return Promise.reject(damaged());
        throw damaged();
      };
      const response = await visitor.visit((session) => session.size);
      assert.equal(await response.text(), "0");
      assert.deepEqual(site.eventTypes(), ["damaged"]);
      await visitor.visit((session) => session.set("b", 2).size);
      assert.notEqual(visitor.id, id);
      assert.deepEqual(await site.stored(id), before);
    }
  });

  it("SR-050 damage that a write meets is a 503, not a crash, and the record stays", async () => {
    for (const damage of ["{", `{"a":${"[".repeat(100_000)}`]) {
      const site = new Site();
      const visitor = await begin(site);
      let planted;
      const response = await visitor.visit(async (session) => {
        session.set("b", 2);
        planted = await site.plant(session.id!, damage);
      });
      assert.equal(response.status, 503);
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.deepEqual((await site.stored(visitor.id)).record, planted);
    }
  });

  it("SR-050 damage that the store meets at a write is a 503, not a crash", async () => {
    for (const method of ["create", "save", "rotate", "delete"]) {
      const site = new Site();
      const visitor = method === "create" ? new Visitor(site) : await begin(site);
      const call = method === "rotate" ? "save" : method as "create" | "save" | "delete";
      site.store[call] = (() => Promise.reject(new SessionError("ERR_DAMAGED", "checksum"))) as never;
      const response = await visitor.visit((session) => {
        if (method === "delete") return session.flush();
        if (method === "rotate") session.cycleKey();
        session.set("a", 2);
      });
      assert.equal(response.status, 503, method);
    }
  });

  it("SR-050 open() gives an empty session and an event for it, as for an unknown id", async () => {
    const site = new Site();
    const visitor = await begin(site);
    await site.plant(visitor.id, "{");
    const session = await site.sessions.open(visitor.id);
    assert.deepEqual([session.id, session.size], [undefined, 0]);
    assert.deepEqual(site.eventTypes(), ["damaged"]);
    site.store.load = () => {
      throw new SessionError("ERR_DAMAGED", "checksum");
    };
    const other = await site.sessions.open(visitor.id);
    assert.deepEqual([other.id, other.size], [undefined, 0]);
    assert.deepEqual(site.eventTypes(), ["damaged", "damaged"]);
  });

  it("SR-050 is not listed, and the user's other sessions are", async () => {
    const site = new Site();
    const bad = await begin(site, { a: 1 }, "ada");
    await begin(site, { a: 1 }, "ada");
    await site.plant(bad.id, "nonsense", () => "nonsense");
    assert.equal((await site.sessions.list("ada")).length, 1);
    assert.equal(await site.sessions.revokeAll("ada"), 2);
  });
});

describe("a record of a newer format", () => {
  for (const head of ["2", "999999999 what ever", '2 words\n{"some":"notes"}\n\x01\x02']) {
    it(`SR-050 is a 503 and not overwritten: ${JSON.stringify(head)}`, async () => {
      const site = new Site();
      const visitor = await begin(site, { a: 1 }, "ada");
      const { cookie } = visitor;
      const planted = await site.plant(visitor.id, "what ever", () => head);
      for (const work of ["read", "write"]) {
        const response = await visitor.visit((session) =>
          work === "read" ? session.size : session.set("b", 1).size
        );
        assert.equal(response.status, 503);
        assert.deepEqual(response.headers.getSetCookie(), []);
      }
      await fails(() => site.sessions.open(visitor.id), "ERR_STORE");
      assert.ok(!site.eventTypes().includes("damaged"));
      assert.equal(visitor.cookie, cookie);
      assert.deepEqual((await site.stored(visitor.id)).record, planted);
    });
  }

  it("SR-050 that came between load and save is a 503 and not overwritten", async () => {
    const site = new Site();
    const visitor = await begin(site);
    let planted;
    const response = await visitor.visit(async (session) => {
      session.set("b", 2);
      planted = await site.plant(session.id!, '{"a":1}', (head) => `2${head.slice(1)}`);
    });
    assert.equal(response.status, 503);
    assert.deepEqual((await site.stored(visitor.id)).record, planted);
  });
});

describe("a sealed cookie", () => {
  it("SR-050 is not accepted with any bit of any character changed, nor with another's content", async () => {
    const site = new Site({ store: new CookieStore({ revocation: "none" }) });
    const ada = await begin(site, { n: 1 }, "ada");
    const eve = await begin(site, { n: 2 }, "eve");
    const [a, e] = [ada.cookie!, eve.cookie!];
    const handler = site.sessions.wrap(async (request) => new Response(String((await request.session).size)));
    const read = async (cookie: string) => {
      const response = await handler(
        new Request("https://localhost/", { headers: { cookie: `__Host-sid=${cookie}` } }),
      );
      return `${response.status} ${await response.text()}`;
    };
    assert.equal(await read(a), "200 1");
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    for (let at = 0; at < a.length; at++) {
      const other = alphabet[(alphabet.indexOf(a[at]!) + 1) % alphabet.length]!;
      assert.equal(await read(a.slice(0, at) + other + a.slice(at + 1)), "200 0", `character ${at}`);
    }
    for (let cut = 1; cut < Math.min(a.length, e.length); cut += 3) {
      const spliced = a.slice(0, cut) + e.slice(cut);
      if (spliced !== e) assert.equal(await read(spliced), "200 0", `spliced at ${cut}`);
    }
  });
});

describe("the format", () => {
  const samples: [string, string, Record<string, unknown>][] = [
    ['{"a":1,"list":[1,{"b":null}]}', "", { a: 1, list: [1, { b: null }] }],
    ['{"a":"\\n"}', '\n{"expiry":3600,"label":"Firefox"}', { a: "\n" }],
    ['{"a":1}', '\n{"expiry":{"at":1900000000000}}', { a: 1 }],
    ['{"__proto__":1}', '\n{"expiry":0}', JSON.parse('{"__proto__":1}')],
  ];
  for (const [text, notes, data] of samples) {
    it(`SR-074 a record of format 1 is read: ${JSON.stringify(text + notes)}`, async () => {
      const site = new Site();
      const visitor = await begin(site);
      await site.plant(visitor.id, text, (head) => head + notes);
      await visitor.visit((session) => {
        assert.deepEqual(Object.entries(session.toObject()), Object.entries(data));
      });
    });
  }

  it("SR-074 every record that is written carries the format number", async () => {
    const site = new Site();
    const visitor = await begin(site, { a: 1 }, "ada");
    await visitor.visit((session) => session.setExpiry(60));
    assert.match((await site.stored(visitor.id)).record!.head!, /^1 [0-9a-f]{24} /);
  });

  it("SR-074 data never selects code: tags and toJSON are plain data", async () => {
    const data = {
      toJSON: "x",
      then: "y",
      constructor: { name: "Date" },
      $type: "Date",
      $date: 0,
      "@class": "java.lang.Runtime",
      py: "cos\nsystem\n(S'id'\ntR.",
      nested: { toJSON: 1, toString: null, valueOf: [], __class__: "os" },
    };
    const site = new Site();
    const visitor = await begin(site, data);
    assert.deepEqual(await visitor.data(), data);
  });
});
