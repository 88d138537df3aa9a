/** What every place that keeps Django's sessions has to do: the same tests for tables, files and cache entries. */

import assert from "node:assert/strict";
import { it } from "node:test";
import type { DjangoEngine, DjangoRow } from "../../../backends/django/engines/engine.ts";

/** What a test needs to know of an engine. */
export interface EngineCase {
  /** The engine, and another one on the same place, as another process would have it. */
  readonly open: () => { readonly one: DjangoEngine; readonly other: DjangoEngine };
  /** How an end comes back: as it was written, or not at all. */
  readonly end: "stored" | "life" | "none";
  /** Options of each test: whether to skip it. */
  readonly options?: { readonly skip?: string };
}

let made = 0;

/** A key as Django makes it, never the same. */
export function freshKey(): string {
  return (made++).toString(36).padStart(32, "k");
}

/** Registers the tests. */
export function testEngine({ open, end, options = {} }: EngineCase): void {
  const text = (content: string) => end === "life" ? JSON.stringify({ content }) : `${content}:1r31eq:AbCd-_`;
  const row = (content: string, seconds = 600): DjangoRow => ({
    text: text(content),
    expiresAt: Math.floor(Date.now() / 1000) * 1000 + seconds * 1000 + 123,
  });
  const texts = async (engine: DjangoEngine, ...keys: string[]) => {
    const rows: (string | undefined)[] = [];
    for (const key of keys) rows.push((await engine.load(key))?.text);
    return rows;
  };

  it("an unknown key is not found, whatever is in it", options, async () => {
    const { one } = open();
    for (const key of [freshKey(), "../../etc/passwd", "' OR 1=1 --", "ABCDEFGHIJ", "a".repeat(2000)]) {
      assert.equal(await one.load(key), undefined);
      assert.equal(await one.delete(key), false);
      assert.equal(await one.replace(key, row("a"), text("a")), false);
    }
  });

  it("a row comes back as it was written, with its end", options, async () => {
    const { one, other } = open();
    const key = freshKey();
    const written = row("a");
    assert.equal(await one.create(key, written), true);
    const found = await other.load(key);
    assert.equal(found?.text, written.text);
    if (end === "stored") assert.equal(found?.expiresAt, written.expiresAt);
    if (end === "life") assert.ok(Math.abs(found!.expiresAt! - written.expiresAt!) < 2000);
    if (end === "none") assert.ok(Math.abs(found!.savedAt! - Date.now()) < 10_000);
  });

  it("a taken key is not written to", options, async () => {
    const { one, other } = open();
    const key = freshKey();
    assert.equal(await one.create(key, row("a")), true);
    assert.equal(await other.create(key, row("b")), false);
    assert.deepEqual(await texts(one, key), [text("a")]);
  });

  it("keys that differ in case are two", options, async () => {
    const { one } = open();
    const key = freshKey();
    await one.create(key, row("a"));
    assert.equal(await one.load(key.toUpperCase()), undefined);
    assert.equal(await one.replace(key.toUpperCase(), row("b"), text("a")), false);
    assert.equal(await one.delete(key.toUpperCase()), false);
    assert.deepEqual(await texts(one, key), [text("a")]);
  });

  it("a row is replaced only while its text is the one before", options, async () => {
    const { one, other } = open();
    const key = freshKey();
    await one.create(key, row("a"));
    assert.equal(await one.replace(key, row("b"), text("a")), true);
    assert.equal(await other.replace(key, row("c"), text("a")), false);
    assert.equal(await other.replace(key, row("c"), text("B")), false);
    assert.deepEqual(await texts(one, key), [text("b")]);
  });

  it("a row is replaced by the same text, with another end or with none other", options, async () => {
    const { one } = open();
    const key = freshKey();
    const first = row("a");
    await one.create(key, first);
    assert.equal(await one.replace(key, first, text("a")), true);
    const later = row("a", 900);
    assert.equal(await one.replace(key, later, text("a")), true);
    const found = await one.load(key);
    if (end === "stored") assert.equal(found?.expiresAt, later.expiresAt);
    if (end === "life") assert.ok(found!.expiresAt! > first.expiresAt! + 200_000);
  });

  it("a row that is gone is not brought back", options, async () => {
    const { one, other } = open();
    const key = freshKey();
    await one.create(key, row("a"));
    assert.equal(await other.delete(key), true);
    assert.equal(await other.delete(key), false);
    assert.equal(await one.replace(key, row("b"), text("a")), false);
    assert.equal(await one.rotate(key, freshKey(), row("b"), text("a")), false);
    assert.deepEqual(await texts(one, key), [undefined]);
  });

  it("a rotation moves the row, and the old key is dead", options, async () => {
    const { one, other } = open();
    const [old, fresh] = [freshKey(), freshKey()];
    await one.create(old, row("a"));
    assert.equal(await one.rotate(old, fresh, row("b"), text("a")), true);
    assert.deepEqual(await texts(other, old, fresh), [undefined, text("b")]);
  });

  it("a rotation of another text, or to a taken key, changes nothing", options, async () => {
    const { one } = open();
    const [old, fresh, taken] = [freshKey(), freshKey(), freshKey()];
    await one.create(old, row("a"));
    await one.create(taken, row("t"));
    assert.equal(await one.rotate(old, fresh, row("b"), text("x")), false);
    assert.equal(await one.rotate(old, taken, row("b"), text("a")), false);
    assert.deepEqual(await texts(one, old, fresh, taken), [text("a"), undefined, text("t")]);
  });

  it("of many writers with the same text before, one wins", options, async () => {
    const { one, other } = open();
    const key = freshKey();
    await one.create(key, row("0"));
    for (let round = 0; round < 5; round++) {
      const before = (await one.load(key))!.text;
      const writes = Array.from(
        { length: 12 },
        (_, i) => (i % 2 ? one : other).replace(key, row(`${round}-${i}`), before),
      );
      assert.equal((await Promise.all(writes)).filter(Boolean).length, 1);
    }
  });

  it("of two writers who come to the same text, one wins", options, async () => {
    const { one, other } = open();
    for (let round = 0; round < 5; round++) {
      const key = freshKey();
      await one.create(key, row("a"));
      const next = row("b");
      const won = await Promise.all([one.replace(key, next, text("a")), other.replace(key, next, text("a"))]);
      assert.equal(won.filter(Boolean).length, 1);
      assert.equal(await other.replace(key, next, text("a")), false);
    }
  });

  it("of a rotation, a write and a removal at once, one wins", options, async () => {
    const { one, other } = open();
    for (let round = 0; round < 8; round++) {
      const [key, fresh] = [freshKey(), freshKey()];
      await one.create(key, row("a"));
      const [moved, saved, gone] = await Promise.all([
        one.rotate(key, fresh, row("b"), text("a")),
        other.replace(key, row("c"), text("a")),
        other.delete(key),
      ]);
      const left = await texts(one, key, fresh);
      if (moved) assert.deepEqual([saved, gone, left], [false, false, [undefined, text("b")]]);
      else assert.deepEqual([gone, left], [true, [undefined, undefined]]);
    }
  });

  it("what is expired is removed in batches, and nothing else", options, async () => {
    const { one } = open();
    const old = [freshKey(), freshKey(), freshKey()];
    const live = freshKey();
    for (const key of old) await one.create(key, row("old", end === "life" ? 0 : -5));
    await one.create(live, row("live"));
    const endOf = ({ text: stored }: DjangoRow) =>
      stored === text("old") ? Date.now() - 5000 : stored === text("live") ? Date.now() + 600_000 : undefined;
    const clear = (limit: number) => one.clearExpired(Date.now(), limit, endOf);
    if (end === "life") assert.equal(await clear(10), 0);
    else assert.deepEqual([await clear(2), await clear(2), await clear(2)], [2, 1, 0]);
    if (end !== "life") assert.deepEqual(await texts(one, ...old), [undefined, undefined, undefined]);
    assert.deepEqual(await texts(one, live), [text("live")]);
  });
}
