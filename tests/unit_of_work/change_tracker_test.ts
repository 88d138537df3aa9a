/** The state of a session in one unit of work by itself: the log of changes, and the objects that were handed out. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { strictJson } from "../../src/codec.ts";
import { Format } from "../../src/data/format.ts";
import { ChangeTracker } from "../../src/unit_of_work/change_tracker.ts";
import type { SessionRecord } from "../../src/store.ts";
import { toObject } from "../../src/data/values.ts";

const format = new Format(strictJson, 10_000);
const life = { meta: {}, userId: undefined, createdAt: 0, touchedAt: 0 };
const recordOf = (json: string): SessionRecord => ({
  data: json,
  head: "1",
  createdAt: 0,
  touchedAt: 0,
  expiresAt: 1,
});
const read = (json: string) => format.read(recordOf(json));
const loaded = (json: string) => new ChangeTracker(format, read(json), true);

/** What a save writes that meets what others have saved. */
function replayed(state: ChangeTracker, json: string): Record<string, unknown> {
  const draft = read(json);
  for (const change of state.log) change(draft);
  return { ...toObject(draft.values) };
}

/** A save that met what others have saved. */
function merge(state: ChangeTracker, json: string): void {
  state.log = [];
  state.merged(read(json), recordOf(json));
}

const list = (state: ChangeTracker) => state.track("list") as unknown[];

describe("wishes for a new id", () => {
  it("are a log-in if one of them is", () => {
    for (const wishes of [["login", "rotated"], ["rotated", "login"]] as const) {
      const state = loaded("{}");
      for (const why of wishes) state.requestRotation(why, 0);
      assert.deepEqual(state.rotation, { why: "login", grace: 0 });
    }
  });

  it("have the shortest grace of all", () => {
    const state = loaded("{}");
    state.requestRotation("rotated", 9);
    assert.deepEqual(state.rotation, { why: "rotated", grace: 9 });
    state.requestRotation("rotated", 5);
    state.requestRotation("rotated", 7);
    assert.deepEqual(state.rotation, { why: "rotated", grace: 5 });
  });
});

describe("the log of changes", () => {
  it("has an object as it was when it was set, whatever becomes of it", () => {
    const state = loaded("{}");
    const mine = [1];
    state.set("list", mine);
    mine.push(2);
    assert.deepEqual(replayed(state, "{}"), { list: [1] });
  });

  it("has a change inside an object once, however often it is looked for", () => {
    const state = loaded('{"list":[1]}');
    list(state).push(2);
    for (let i = 0; i < 3; i++) assert.ok(state.isModified);
    assert.equal(state.log.length, 1);
    state.log = [];
    state.saved(recordOf('{"list":[1,2]}'));
    assert.equal(state.isModified, false);
  });

  it("has what was changed inside an object before it was updated", () => {
    const state = loaded('{"list":[1]}');
    list(state).push(2);
    state.update("list", (list) => [...list as unknown[], 3]);
    assert.deepEqual(replayed(state, '{"list":[9]}'), { list: [1, 2, 3] });
  });

  it("has the end of notes and user when the session is cleared", () => {
    const state = loaded('{"a":1}');
    const fresh = { ...read('{"a":2}'), notes: { expiry: 60 }, userId: "ada" };
    state.change((draft) => Object.assign(draft, { notes: { expiry: 60 }, userId: "ada" }));
    state.log = [];
    state.clear();
    for (const change of state.log) change(fresh);
    for (const { meta, userId, values } of [state.draft, fresh]) {
      assert.deepEqual([meta, userId, values.size], [{}, undefined, 0]);
    }
  });
});

describe("an update", () => {
  it("that fails leaves the object as it was", () => {
    for (const change of [(list: unknown[]) => list.push(2), () => 0]) {
      const state = loaded('{"list":[1]}');
      const fail = (list: unknown) => {
        change(list as unknown[]);
        throw new RangeError("its own");
      };
      assert.throws(() => state.update("list", fail), { message: "its own" });
      assert.deepEqual(list(state), [1]);
      assert.equal(state.isModified, false);
      list(state).push(3);
      assert.ok(state.isModified);
      assert.deepEqual(replayed(state, "{}"), { list: [1, 3] });
    }
  });

  it("that fails says why, also where the object cannot be carried", () => {
    const state = loaded('{"list":[1e999]}');
    const fail = () => {
      throw new RangeError("its own");
    };
    assert.throws(() => state.update("list", fail), { message: "its own" });
  });

  it("looks at no value but its own", () => {
    const state = loaded('{"list":[1],"n":1}');
    list(state).push(() => {});
    assert.equal(state.update("n", (n) => n as number + 1), 2);
    assert.throws(() => state.isModified, { code: "ERR_SERIALIZE" });
    list(state).pop();
    assert.deepEqual(replayed(state, '{"n":5}'), { n: 6 });
  });
});

describe("what was loaded", () => {
  it("keeps its text while values that are no objects are read and set", () => {
    const state = loaded('{"n":1,"text":"a","list":[1]}');
    assert.equal(state.track("n"), 1);
    state.set("n", 2);
    state.update("text", (text) => `${text}b`);
    assert.equal(state.draft.source, '{"n":1,"text":"a","list":[1]}');
  });

  it("SR-071 is written with the -0 that was put into it", () => {
    const state = loaded('{"list":[1]}');
    list(state).push(-0);
    assert.ok(state.isModified);
    assert.match(format.write(state.draft), /\[1,-0\]/);
  });

  it("SR-073 and cannot be carried is refused when it is changed, and can be put right in place", () => {
    const state = loaded('{"list":[1e999]}');
    list(state).push(2);
    assert.throws(() => state.isModified, { code: "ERR_SERIALIZE" });
    list(state).shift();
    assert.ok(state.isModified);
    assert.deepEqual(replayed(state, "{}"), { list: [2] });
  });

  it("and only a schema could make is no change, and no error", () => {
    const draft = format.draft(new Map([["at", new Date(0)]]), life);
    const state = new ChangeTracker(format, draft, false);
    assert.deepEqual(state.track("at"), new Date(0));
    assert.equal(state.isModified, false);
  });

  it("SR-073 is watched, also where a schema looked at it", () => {
    const state = new ChangeTracker(format, format.draft(new Map([["list", [1]]]), life), false);
    list(state).push(2);
    assert.ok(state.isModified);
  });
});

describe("after a merge", () => {
  it("the latest four objects of a key are watched, next to the session's own", () => {
    const objects: unknown[][] = [];
    const state = loaded('{"list":[0]}');
    for (let i = 1; i <= 5; i++) {
      objects.push(list(state));
      merge(state, `{"list":[${i}]}`);
    }
    objects.push(list(state));
    assert.equal(new Set(objects).size, 6);
    objects[0]!.push("lost");
    assert.equal(state.isModified, false);
    for (const [i, object] of objects.entries()) {
      if (i === 0) continue;
      object.push("mine");
      assert.ok(state.isModified);
      assert.deepEqual(replayed(state, "{}"), { list: [i, "mine"] });
      state.log = [];
    }
  });

  it("what was changed inside an object while the save ran is in the session's own", () => {
    const state = loaded('{"list":[1]}');
    list(state).push("mine");
    merge(state, '{"list":[1],"n":1}');
    assert.deepEqual(list(state), [1, "mine"]);
    list(state).push("later");
    assert.ok(state.isModified);
    assert.deepEqual(replayed(state, '{"n":2}'), { n: 2, list: [1, "mine", "later"] });
  });

  it("what was set while the save ran is there, and no change of its own", () => {
    const state = loaded("{}");
    state.set("list", [1]);
    state.merged(read('{"n":1}'), recordOf('{"n":1}'));
    assert.deepEqual(list(state), [1]);
    assert.ok(state.isModified);
    assert.equal(state.log.length, 1);
  });

  it("SR-071 what an update makes of others' value is looked at before it is written", () => {
    const state = loaded('{"n":1}');
    state.update("n", (n) => n === 1 ? 2 : new Date(0));
    state.merged(read('{"n":5}'), recordOf('{"n":5}'));
    assert.throws(() => format.write(state.draft), { code: "ERR_SERIALIZE" });
  });
});
