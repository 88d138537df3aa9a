/** Records to store, and assertions about them. */
import assert from "node:assert/strict";
import type { IndexedRecord, SessionRecord, SessionStore, SessionSummary, StoredRecord } from "../store.ts";

export const hourMs = 3_600_000;

/** A record that lives for another hour, with `changes`. */
export function record(changes: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now();
  return { data: '{"n":0}', createdAt: now - 7, touchedAt: now - 3, expiresAt: now + hourMs + 1, ...changes };
}

/** A record that expired an hour ago. */
export function expiredRecord(changes: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now();
  return record({
    createdAt: now - 3 * hourMs,
    touchedAt: now - 2 * hourMs,
    expiresAt: now - hourMs,
    ...changes,
  });
}

/** Creates a record under a free key. Resolves to its version. */
export async function put(store: SessionStore, key: string, value: SessionRecord): Promise<string> {
  return version(await store.create(key, value), "create under a free key");
}

/** The version that a method must have returned. */
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

/** Fails unless `load` returns `undefined`. */
export async function assertFree(store: SessionStore, key: string, message = "no record"): Promise<void> {
  assert.equal(await store.load(key), undefined, message);
}

/** Fails unless two records are equal, up to a version that one of them may have. */
export function assertSame(found: SessionRecord, expected: SessionRecord): void {
  if (found.data !== expected.data) {
    assert.equal(found.data.length, expected.data.length, "length of data");
    assert.equal(found.data, expected.data, "data");
  }
  assertSummary(found, expected);
}

/** Fails unless two records are equal in all but their data. */
function assertSummary(found: SessionSummary, expected: SessionSummary): void {
  for (const field of ["head", "userId"] as const) {
    assert.equal(found[field], expected[field], field);
    assert.equal(field in found, expected[field] !== undefined, `${field} is left out when there is none`);
  }
  assert.equal(found.createdAt, expected.createdAt, "createdAt");
  assert.equal(found.touchedAt, expected.touchedAt, "touchedAt");
  assert.equal(found.expiresAt, expected.expiresAt, "expiresAt");
}

/** More pages than any case needs. */
const maxPages = 2_000;

/** The pages of a user's sessions, one after the other, until there is no next one. */
export async function* pagesOf(
  store: Pick<Required<SessionStore>, "list">,
  userId: string,
  limit?: number,
): AsyncGenerator<readonly IndexedRecord[], void, undefined> {
  let after: string | undefined;
  for (let pages = 0; pages < maxPages; pages++) {
    const page = await store.list(userId, {
      ...after !== undefined && { after },
      ...limit !== undefined && { limit },
    });
    assert.ok(Array.isArray(page.entries), "list returns a page with entries");
    assert.ok(
      page.entries.length <= (limit ?? 100),
      `${page.entries.length} entries of at most ${limit ?? 100}`,
    );
    for (const { record } of page.entries) {
      assert.ok(!("data" in record), "an entry of a list has no data");
      assert.equal(record.userId, userId, "an entry of a list is the user's");
    }
    yield page.entries;
    if (page.next === undefined) return;
    assert.equal(typeof page.next, "string", "next is text");
    after = page.next;
  }
  assert.fail("the pages never come to an end");
}

/** The records of all pages by key; if a key appears twice, the later one. */
export async function listed(
  store: Pick<Required<SessionStore>, "list">,
  userId: string,
  limit?: number,
): Promise<Map<string, SessionSummary>> {
  const found = new Map<string, SessionSummary>();
  for await (const entries of pagesOf(store, userId, limit)) {
    for (const { key, record } of entries) found.set(key, record);
  }
  return found;
}

/** Fails unless the index shows exactly these records for the user, in any order. */
export async function assertListed(
  store: Pick<Required<SessionStore>, "list">,
  userId: string,
  expected: readonly IndexedRecord[],
  limit?: number,
): Promise<void> {
  const found = await listed(store, userId, limit);
  assert.deepEqual([...found.keys()].sort(), expected.map(({ key }) => key).sort(), "listed keys");
  for (const { key, record } of expected) assertSummary(found.get(key)!, record);
}
