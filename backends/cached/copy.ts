/** The entries of `CachedStore` in the cache: a record of the durable store, with what is needed to judge it later. */

import type { SessionRecord, StoredRecord } from "../../src/store.ts";

/** A copy of a record of the durable store. */
export interface Copy {
  /** The record, with the durable store's version. */
  readonly record: StoredRecord;
  /** The copy shows what the durable store held at this instant or later. */
  readonly asOf: number;
}

const formatVersion = 2;

/**
 * The copy as a record for the cache, which drops it at `expiresAt`. The user is kept inside the data, as the cache needs
 * no index; so is the key, so that an entry returned for the wrong key is refused.
 */
export function packCopy(key: string, { record, asOf }: Copy, expiresAt: number): SessionRecord {
  const { data, createdAt, touchedAt } = record;
  const facts = [
    formatVersion,
    key,
    asOf,
    record.version,
    record.expiresAt,
    record.userId ?? null,
    record.head ?? null,
  ];
  return { data: `${JSON.stringify(facts)}\n${data}`, createdAt, touchedAt, expiresAt };
}

/** The copy in a record of the cache; `undefined` for anything else. */
export function unpackCopy(key: string, cached: SessionRecord | undefined): Copy | undefined {
  try {
    const { data, createdAt, touchedAt } = cached!;
    const end = data.indexOf("\n");
    const [format, ownKey, asOf, version, expiresAt, userId, head] = JSON.parse(
      data.slice(0, end),
    ) as unknown[];
    if (format !== formatVersion || ownKey !== key) return undefined;
    if (typeof asOf !== "number" || typeof version !== "string" || typeof expiresAt !== "number") {
      return undefined;
    }
    const optional = {
      ...typeof userId === "string" ? { userId } : {},
      ...typeof head === "string" ? { head } : {},
    };
    return {
      asOf,
      record: { data: data.slice(end + 1), ...optional, createdAt, touchedAt, expiresAt, version },
    };
  } catch {
    return undefined;
  }
}
