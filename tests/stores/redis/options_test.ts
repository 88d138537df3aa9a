/** What a `RedisStore` refuses when it is made, and what of its client it takes for trouble. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSentinel } from "redis";
import { type RedisClient, RedisStore } from "../../../backends/redis.ts";
import { SessionError } from "../../../src/errors.ts";
import { freshKey, shaped } from "../../support/redis/clients.ts";

describe("RedisStore options", () => {
  const client = shaped(() => Promise.resolve(null));

  it("a client of no known shape is refused", () => {
    for (
      const wrong of [undefined, null, "redis://", {}, { get() {} }, { sendCommand() {}, getMasterNode() {} }]
    ) {
      assert.throws(() => new RedisStore(wrong as unknown as RedisClient), TypeError);
    }
  });

  it("a sentinel client of node-redis is refused by its name, with the client that works", () => {
    const client = createSentinel({ name: "größe", sentinelRootNodes: [{ host: "127.0.0.1", port: 1 }] });
    assert.throws(() => new RedisStore(client as unknown as RedisClient), {
      name: "TypeError",
      message: /received a sentinel client of node-redis.* new Redis\(\{ sentinels, name \}\)/,
    });
  });

  it("wrong options are refused by name", () => {
    const wrong: [object, string, ErrorConstructor][] = [
      [{ ttl: 5 }, "ttl", TypeError],
      [{ prefix: 5 }, "prefix", TypeError],
      [{ now: 5 }, "now", TypeError],
      [{ cluster: "yes" }, "cluster", TypeError],
      [{ timeout: "2" }, "timeout", TypeError],
      [{ timeout: 0 }, "timeout", RangeError],
      [{ timeout: NaN }, "timeout", RangeError],
      [{ timeout: Infinity }, "timeout", RangeError],
      [{ maxWaiting: 0 }, "maxWaiting", RangeError],
      [{ maxWaiting: 1.5 }, "maxWaiting", RangeError],
    ];
    for (const [options, name, type] of wrong) {
      assert.throws(
        () => new RedisStore(client, options),
        (error) =>
          error instanceof type &&
          (error.message.startsWith(`RedisStore: ${name} must be `) ||
            error.message.startsWith(`RedisStore: unknown option "${name}"`)),
      );
    }
  });

  it("SR-061 an answer of no known form is store trouble", async () => {
    for (const answer of [null, undefined, "OK", 5, [], [null], ["x"], {}, new Map()]) {
      const store = new RedisStore(shaped(() => Promise.resolve(answer)));
      await assert.rejects(store.load(freshKey()), { code: "ERR_STORE" });
      await assert.rejects(store.delete(freshKey()), { code: "ERR_STORE" });
      await assert.rejects(store.list("u"), { code: "ERR_STORE" });
    }
  });

  it("SR-060 a client that throws or rejects anything is store trouble", async () => {
    const throwing = shaped(() => {
      throw "text";
    });
    await assert.rejects(new RedisStore(throwing).load(freshKey()), { code: "ERR_STORE" });
    await assert.rejects(
      new RedisStore(shaped(() => Promise.reject(undefined))).load(freshKey()),
      SessionError,
    );
  });

  it("SR-060 what a client answers without a promise is trouble, and holds no place in the line", async () => {
    let answer: unknown = 5;
    const store = new RedisStore(shaped((() => answer) as never), { maxWaiting: 2, timeout: 0.2 });
    for (let i = 0; i < 5; i++) await assert.rejects(store.delete(freshKey()), { code: "ERR_STORE" });
    answer = Promise.resolve(["x"]);
    await assert.rejects(store.delete(freshKey()), (error: Error) => !/waiting/.test(error.message));
  });

  it("R7 SR-060 no more wait than may, from the first moment on", async () => {
    let sent = 0;
    const store = new RedisStore(shaped(() => (sent++, new Promise(() => {}))), {
      maxWaiting: 10,
      timeout: 0.1,
    });
    await Promise.allSettled(Array.from({ length: 100 }, () => store.load(freshKey())));
    assert.ok(sent <= 10, `${sent} were sent`);
  });
});
