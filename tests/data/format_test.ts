/** How values become the text of a record: sizes, codecs of others, single values (SR-064, SR-071, SR-072). */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { type Codec, createSessions, SessionError } from "../../mod.ts";
import { strictJson } from "../../src/codec.ts";
import { Format } from "../../src/data/format.ts";

const life = { meta: {}, userId: undefined, createdAt: 0, touchedAt: 0 };
const json: Codec = { encode: (data) => JSON.stringify(data), decode: (text) => JSON.parse(text) };
const refused = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof SessionError && error.code === code && words.test(error.message);

describe("the size of the data", () => {
  const write = (text: string, maxBytes: number) => {
    const format = new Format(strictJson, maxBytes);
    return format.write(format.draft(new Map([["a", text]]), life));
  };

  it("SR-064 counts bytes, also where as many characters would do", () => {
    for (const [text, bytes] of [["abc", 11], ["\u20ac\u20ac\u20ac", 17], ["\u{1f600}x", 13]] as const) {
      const data = `{"a":"${text}"}`;
      assert.equal(write(text, bytes), data);
      for (const limit of [bytes - 1, data.length, data.length - 1].filter((limit) => limit < bytes)) {
        assert.throws(() => write(text, limit), refused("ERR_TOO_LARGE", /over the limit/), text);
      }
    }
  });

  it("SR-064 is named when it is over the limit, or what it has at least", () => {
    assert.throws(() => write("\u20ac".repeat(3), 16), refused("ERR_TOO_LARGE", /takes 17 bytes .*of 16$/));
    assert.throws(() => write("\u20ac".repeat(92), 50), refused("ERR_TOO_LARGE", /takes 100 bytes or more/));
  });
});

describe("one value as text", () => {
  it("SR-072 comes back as a fresh copy, under whatever key", () => {
    for (const codec of [strictJson, json]) {
      const format = new Format(codec, 100);
      for (const key of ["a", "__proto__", "constructor", "7", ""]) {
        const value = { list: [1, { b: null }] };
        const text = format.encodeValue(key, value);
        assert.equal(text, `{${JSON.stringify(key)}:{"list":[1,{"b":null}]}}`);
        const copy = format.decodeValue(key, text);
        assert.deepEqual(copy, value);
        assert.notEqual(copy, value);
      }
    }
  });
});

describe("a codec of somebody else's", () => {
  const open = async (codec: Partial<Codec>) => {
    const store = new MemoryStore();
    const first = await createSessions({ store, secrets, codec: json }).open();
    await first.set("a", 1).save();
    const events: string[] = [];
    const onEvent = ({ type }: { type: string }) => void events.push(type);
    const sessions = createSessions({ store, secrets, codec: { ...json, ...codec }, onEvent });
    return { session: await sessions.open(first.id), events };
  };
  const secrets = ["a secret for the tests of formats"];

  it("SR-071 is asked about every value that is set, also about texts, numbers and truths", async () => {
    for (const value of ["hunter2", 5, true]) {
      const { session } = await open({
        encode(data) {
          if (Object.values(data).includes(value)) throw new Error(`no ${value}`);
          return JSON.stringify(data);
        },
      });
      assert.throws(
        () => session.set("b", value),
        refused("ERR_SERIALIZE", /^Cannot store a value that the codec refuses$/),
      );
      assert.equal(session.size, 1);
    }
  });

  it("SR-071 makes the text also where a value was only deleted", async () => {
    const codec: Codec = {
      encode: (data) => `~${JSON.stringify(Object.entries(data))}`,
      decode: (text) => Object.fromEntries(JSON.parse(text.slice(1))),
    };
    const sessions = createSessions({ store: new MemoryStore(), secrets, codec });
    const first = await sessions.open();
    await first.assign({ a: 1, b: 2 }).save();
    const session = await sessions.open(first.id);
    session.delete("a");
    await session.save();
    assert.deepEqual([...await sessions.open(first.id)], [["b", 2]]);
  });

  it("SR-071 may refuse with an error of the library's", async () => {
    const error = new SessionError("ERR_TOO_LARGE", "Cannot store so much");
    const { session } = await open({
      encode() {
        throw error;
      },
    });
    assert.throws(() => session.set("b", 1), (thrown) => thrown === error);
  });

  it("SR-071 has to make text, without lone surrogates", async () => {
    for (const text of [undefined, 5, new String("{}"), "{\ud800}"]) {
      const { session } = await open({ encode: () => text as string });
      assert.throws(() => session.set("b", 1), refused("ERR_SERIALIZE", /must return well-formed text$/));
    }
  });

  it("SR-050 that makes anything but an object of a text makes it damaged", async () => {
    const wrong = [null, undefined, 5, "text", true, [1], () => {}, Promise.resolve({}), { then() {} }];
    for (const answer of wrong) {
      const { session, events } = await open({ decode: () => answer as never });
      assert.deepEqual([session.id, session.size, events], [undefined, 0, ["damaged"]], String(answer));
    }
    const { session } = await open({ decode: () => ({ then: 5 }) });
    assert.equal(session.get("then"), 5);
  });
});
