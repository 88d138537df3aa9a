import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ServerClock } from "../../../backends/support/server_clock.ts";
import { slotOf } from "../../../backends/redis/cluster_slot.ts";

/** A question: ms since the answer before it, ms there and back, and how far the server's clock is slewed meanwhile. */
const questions = fc.array(
  fc.record({
    pause: fc.double({ min: 0, max: 600_000, noNaN: true }),
    there: fc.double({ min: 0.01, max: 3000, noNaN: true }),
    back: fc.double({ min: 0.01, max: 3000, noNaN: true }),
    slew: fc.double({ min: -0.0005, max: 0.0005, noNaN: true }),
  }),
  { minLength: 1, maxLength: 30 },
);

function windowOf(clock: ServerClock, now: number, by: number): { from: number; until: number } {
  const [from, until] = clock.window(now, by);
  return { from: Number(from), until: Number(until) };
}

describe("the clock of a Redis server", () => {
  it("SR-049 a window holds the present, and never ends after the limit, whatever answers take", () => {
    fc.assert(fc.property(questions, fc.double({ min: -1e12, max: 1e12, noNaN: true }), (all, skew) => {
      const clock = new ServerClock();
      let now = 1000, difference = 1.7e12 + skew;
      for (const { pause, there, back, slew } of all) {
        difference += slew * pause;
        const sent = now += pause;
        const made = now += there;
        now += back;
        clock.learn(made + difference, sent, now);
        const { from, until } = windowOf(clock, now, now + 2000);
        assert.ok(from <= now + difference + 0.01, `${from} <= ${now + difference}`);
        assert.ok(until <= now + 2000 + difference + 0.01);
        // No worse than the last answer alone told, to a whole millisecond
        assert.ok(from >= now + difference - back - 1.01);
      }
    }));
  });

  it("has never told anything before the first answer, also in the first second of a process", () => {
    const clock = new ServerClock();
    assert.equal(clock.age(5), Infinity);
    assert.deepEqual(windowOf(clock, 5, 2005), { from: 0, until: 0 });
    clock.learn(50_000, 5, 6);
    assert.equal(clock.age(7), 1);
    assert.deepEqual(clock.window(7, 8), ["50000", "50001"]);
  });

  it("a quick answer is not forgotten for a slow one", () => {
    const clock = new ServerClock();
    clock.learn(50_000, 0, 1);
    clock.learn(51_900, 10, 1901);
    const { from, until } = windowOf(clock, 1901, 3901);
    assert.ok(from > 51_890 && until > 53_890, `${from} ${until}`);
  });

  it("nothing is in a window before the first answer, and what an answer told wears off", () => {
    const clock = new ServerClock();
    assert.deepEqual(clock.window(1e6, 1e6 + 2000), ["0", "0"]);
    clock.learn(50_000, 0, 1);
    const day = 86_400_000;
    const { until } = windowOf(clock, day, day + 2000);
    assert.ok(until < 49_999 + day, "the first write after a day asks for the time");
  });

  it("a clock that was set is believed at once, in either direction", () => {
    for (const step of [-3_600_000, -100, 100, 3_600_000]) {
      const clock = new ServerClock();
      clock.learn(5_000_000.5, 0, 1);
      clock.learn(5_000_010.5 + step, 10, 11);
      const { from } = windowOf(clock, 11, 2011);
      assert.ok(Math.abs(from - 5_000_010 - step) < 1, `${from}`);
    }
  });
});

describe("the slot of a key", () => {
  it("is the one of the specification, and a hash tag's where there is one", () => {
    assert.equal(slotOf("123456789"), 0x31c3 % 16_384);
    assert.equal(slotOf(""), 0);
    for (
      const [key, same] of [
        ["{user1000}.following", "user1000"],
        ["foo{{bar}}zap", "{bar"],
        ["foo{bar}{zap}", "bar"],
        ['{s}:user:"{é}"', "s"],
      ] as const
    ) {
      assert.equal(slotOf(key), slotOf(same), key);
    }
    assert.notEqual(slotOf("foo{}{bar}"), slotOf("bar"));
    assert.notEqual(slotOf("foo{bar"), slotOf("bar"));
  });
});
