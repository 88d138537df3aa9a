/** Records to store, and what a store must show of them. */
import assert from "node:assert/strict";
import type { IndexedRecord, SessionRecord, SessionStore, StoredRecord } from "../store.ts";

export const HOUR = 3_600_000;

/** A record that lives for another hour, or as `changes` says. */
export function record(changes: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now();
  return { data: '{"n":0}', createdAt: now - 7, touchedAt: now - 3, expiresAt: now + HOUR + 1, ...changes };
}

/** A record that died an hour ago. */
export function expiredRecord(changes: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now();
  return record({ createdAt: now - 3 * HOUR, touchedAt: now - 2 * HOUR, expiresAt: now - HOUR, ...changes });
}

/** Creates a record under a free key; its version. */
export async function put(store: SessionStore, key: string, value: SessionRecord): Promise<string> {
  return version(await store.create(key, value), "create under a free key");
}

/** The answer of a method that must have succeeded. */
export function version(answer: string | undefined, what: string): string {
  assert.equal(typeof answer, "string", `${what}: a version was expected`);
  return answer!;
}

/** The record under `key`, which must be there. */
export async function stored(store: SessionStore, key: string): Promise<StoredRecord> {
  const found = await store.load(key);
  assert.ok(found !== undefined && found !== null, "a record that must be there was not found");
  return found;
}

/** Fails unless `key` holds exactly this record, with this version if one is given. */
export async function assertHolds(
  store: SessionStore,
  key: string,
  expected: SessionRecord,
  expectedVersion?: string,
): Promise<void> {
  const found = await stored(store, key);
  assertSame(found, expected);
  assert.equal(typeof found.version, "string", "a loaded record has a version");
  if (expectedVersion !== undefined) assert.equal(found.version, expectedVersion, "version");
}

/** Fails unless `load` answers `undefined`. */
export async function assertFree(store: SessionStore, key: string, message = "no record"): Promise<void> {
  assert.equal(await store.load(key), undefined, message);
}

/** Fails unless two records are equal, up to a version that one of them may have. */
export function assertSame(found: SessionRecord, expected: SessionRecord): void {
  if (found.data !== expected.data) {
    assert.equal(found.data.length, expected.data.length, "length of data");
    assert.equal(found.data, expected.data, "data");
  }
  assert.equal(found.userId, expected.userId, "userId");
  assert.equal("userId" in found, expected.userId !== undefined, "userId is left out when there is none");
  assert.equal(found.createdAt, expected.createdAt, "createdAt");
  assert.equal(found.touchedAt, expected.touchedAt, "touchedAt");
  assert.equal(found.expiresAt, expected.expiresAt, "expiresAt");
}

/** Fails unless the index shows exactly these records for the user, in any order. */
export async function assertListed(
  store: Required<SessionStore>,
  userId: string,
  expected: readonly IndexedRecord[],
): Promise<void> {
  const listed = await store.list(userId);
  assert.ok(Array.isArray(listed), "list answers an array");
  assert.deepEqual(listed.map(({ key }) => key).sort(), expected.map(({ key }) => key).sort(), "listed keys");
  for (const { key, record } of expected) {
    assertSame(listed.find((entry) => entry.key === key)!.record, record);
  }
}
