/** The queue of commits of one session, before a transport that writes down what it is asked. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Rotation, SessionRef, StoredSession, Transport } from "../../src/transport/transport.ts";
import { SessionError } from "../../src/errors.ts";
import { Events } from "../../src/events.ts";
import { CallGuard } from "../../src/guard/call_guard.ts";
import { type QueuedSave, SaveQueue } from "../../src/unit_of_work/save_queue.ts";
import type { SessionRecord } from "../../src/store.ts";
import { gate, turn } from "../support/commit_rig.ts";

const recordOf = (data: string): SessionRecord => ({ data, createdAt: 0, touchedAt: 0, expiresAt: 1 });

/** A transport of one session, the lines before it, and units that loaded it. Every save takes a turn, or as long as `hold`. */
class Bench {
  readonly calls: string[] = [];
  readonly events: string[] = [];
  readonly lines: SaveQueue;
  ref: SessionRef = { id: "id", key: "key", version: "0", cookieValue: "token", hasOldSignature: false };
  record: SessionRecord | undefined = recordOf("");
  hold: (() => unknown) | undefined = turn;
  isLive = true;
  keepsKey = false;

  constructor() {
    const save = (what: string, { ref }: StoredSession, record: SessionRecord, key: string) => {
      this.calls.push(`${what} ${record.data} over ${ref.version}`);
      const make = () => {
        if (this.record === undefined || ref.key !== this.ref.key) return undefined;
        if (ref.version !== this.ref.version) return undefined;
        this.record = record;
        this.ref = { ...this.ref, key, version: `${Number(ref.version) + 1}` };
        return this.found();
      };
      const held = this.hold?.();
      return held instanceof Promise ? held.then(make) : make();
    };
    const transport: Partial<Transport> = {
      save: (found, record) => save("save", found, record, found.ref.key),
      rotate: (found, record, { grace }) =>
        save(`rotate(${grace})`, found, record, this.keepsKey ? found.ref.key : `${found.ref.key}+`),
      reload: ({ ref }) => {
        this.calls.push("reload");
        return this.record && ref.key === this.ref.key ? this.found() : undefined;
      },
    };
    const events = { emit: (type: string, key: string) => void this.events.push(`${type} ${key}`) };
    this.lines = new SaveQueue(transport as Transport, events as unknown as Events, () => this.isLive);
  }

  found(isFormer?: boolean): StoredSession {
    return {
      record: this.record!,
      ref: isFormer === undefined ? this.ref : { ...this.ref, viaOldId: isFormer },
    };
  }

  /** Saves with this text added to the data; all that is held up goes by itself. */
  save(text: string, task: Partial<QueuedSave> = {}, found: StoredSession = this.found()) {
    const apply = ({ record }: StoredSession) => recordOf(record.data + text);
    return this.lines.save(found, { rotation: undefined, isShared: false, apply, ...task });
  }

  /** As another process would. */
  overtake(text: string): void {
    this.record = recordOf(this.record!.data + text);
    this.ref = { ...this.ref, version: `${Number(this.ref.version) + 100}` };
  }
}

const cycleOf = (grace: number): Rotation => ({ why: "rotated", grace });

const fails = (): never => {
  throw new SessionError("ERR_SERIALIZE", "no");
};

/** The error of a call that took too long. */
async function timeout(): Promise<unknown> {
  const guard = new CallGuard(0.001, new Events(undefined, Date.now, () => Promise.resolve("")));
  const hangs = () => new Promise<never>(() => {});
  return await guard.answer(hangs(), (_: unknown): _ is never => true).then(assert.fail, (error) => error);
}

describe("a save of which there is one", () => {
  it("is done when a store that answers at once has answered", () => {
    const bench = new Bench();
    bench.hold = undefined;
    const saved = bench.save("a");
    assert.ok(!(saved instanceof Promise));
    assert.deepEqual([saved.record.data, saved.ref.version], ["a", "1"]);
  });

  it("waits for a record that takes its time", async () => {
    const bench = new Bench();
    const saved = await bench.save("", { apply: () => Promise.resolve(recordOf("later")) });
    assert.equal(saved.record.data, "later");
    assert.deepEqual(bench.calls, ["save later over 0"]);
  });

  it("finds out by itself that the session is gone", async () => {
    for (const isDeleted of [true, false]) {
      const bench = new Bench();
      const found = bench.found();
      if (isDeleted) bench.record = undefined;
      else {
        bench.overtake("late");
        bench.isLive = false;
      }
      await assert.rejects(async () => await bench.save("a", {}, found), { code: "ERR_GONE" });
      assert.deepEqual(bench.calls, ["save a over 0", "reload"]);
      assert.deepEqual(bench.events, ["gone key"]);
    }
  });

  it("goes to a new id, unless whoever came with an id that has grace finds one already", async () => {
    const cases: [grace: number, isFormer: boolean | undefined, call: string][] = [
      [0, undefined, "rotate(0)"],
      [0, true, "rotate(0)"],
      [1, undefined, "rotate(1)"],
      [1, false, "rotate(1)"],
      [1, true, "save"],
      [5, false, "rotate(5)"],
      [5, true, "save"],
    ];
    for (const [grace, isFormer, call] of cases) {
      const bench = new Bench();
      await bench.save("a", { rotation: cycleOf(grace) }, bench.found(isFormer));
      assert.deepEqual(bench.calls, [`${call} a over 0`], `${grace}, ${isFormer}`);
    }
  });
});

describe("saves that wait", () => {
  it("are made together over what was saved before them, without another load", async () => {
    const bench = new Bench();
    const all = await Promise.all([bench.save("a"), bench.save("b"), bench.save("c")]);
    assert.deepEqual(bench.calls, ["save a over 0", "save abc over 1"]);
    assert.deepEqual(all.map(({ record }) => record.data), ["a", "abc", "abc"]);
  });

  it("are made in order also where records take their time", async () => {
    const bench = new Bench();
    const slow = (text: string): Partial<QueuedSave> => ({
      apply: async ({ record }) => {
        await turn();
        return recordOf(record.data + text);
      },
    });
    await Promise.all([bench.save("a"), bench.save("", slow("b")), bench.save("", slow("c"))]);
    assert.deepEqual(bench.calls, ["save a over 0", "save abc over 1"]);
  });

  it("are made apart from a rotation, which goes alone in its turn", async () => {
    const bench = new Bench();
    const all = await Promise.allSettled([
      bench.save("a"),
      bench.save("b"),
      bench.save("r", { rotation: cycleOf(0) }),
      bench.save("c"),
    ]);
    assert.deepEqual(bench.calls.slice(0, 3), ["save a over 0", "save ab over 1", "rotate(0) abr over 2"]);
    assert.deepEqual(all.map(({ status }) => status), ["fulfilled", "fulfilled", "fulfilled", "rejected"]);
    assert.deepEqual(bench.record, recordOf("abr"));
  });

  it("are not held up by one that cannot be applied: nothing is written or loaded for it", async () => {
    const bench = new Bench();
    const all = await Promise.allSettled([
      bench.save("a"),
      bench.save("", { apply: fails }),
      bench.save("r", { rotation: cycleOf(0) }),
    ]);
    assert.deepEqual(all.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
    assert.deepEqual(bench.calls, ["save a over 0", "rotate(0) ar over 1"]);
  });

  it("begin from what their unit loaded when the one before them failed", async () => {
    const bench = new Bench();
    const steps = [gate(), gate()];
    bench.hold = () => {
      const [step, isLast] = [steps.shift(), steps.length === 0];
      return step?.wait.then(() =>
        isLast ? Promise.reject(new SessionError("ERR_STORE", "down")) : undefined
      );
    };
    const [one, two] = steps;
    const first = bench.save("a");
    const second = Promise.resolve(bench.save("b"));
    one!.open();
    await first;
    await turn();
    bench.overtake("x");
    const third = bench.save("c");
    two!.open();
    await assert.rejects(second, { code: "ERR_STORE" });
    await third;
    assert.deepEqual(bench.calls, ["save a over 0", "save ab over 1", "save axc over 101"]);
  });

  it("SR-048 go on after a store that failed, but not after one that hung", async () => {
    for (const error of [new SessionError("ERR_STORE", "down"), await timeout()]) {
      const bench = new Bench();
      const { wait, open } = gate();
      bench.hold = () => {
        bench.hold = undefined;
        return wait.then(() => Promise.reject(error));
      };
      const all = Promise.allSettled(["a", "b", "c"].map((text) => bench.save(text)));
      open();
      const isHung = (await all).map(({ status }) => status === "rejected");
      const goesOn = (error as Error).message === "down";
      assert.deepEqual(isHung, goesOn ? [true, false, false] : [true, true, true]);
      assert.deepEqual(bench.calls, ["save a over 0", ...goesOn ? ["save bc over 0"] : []]);
    }
  });
});
