/** What an operation on Deno KV reads, and what it is about to change. */

import type { SessionRecord, StoredRecord } from "../../src/store.ts";
import type { DenoKvAtomic, DenoKvKey } from "./client.ts";

/** What lies under a storage key. */
export interface Found {
  readonly stamp: string | null;
  readonly record: StoredRecord | undefined;
  /** Whether it is not what was written. */
  readonly isDamaged?: boolean;
  /** Whether it has a newer format than this release can read. */
  readonly isNewer?: boolean;
}

/** An entry of the user index. */
export interface IndexEntry {
  readonly key: DenoKvKey;
  readonly value: unknown;
}

/** What is to be written. */
export type Put = readonly [key: string, record: SessionRecord, version: string];

/** A part of an atomic operation. */
export type Edit = (write: DenoKvAtomic) => DenoKvAtomic;

/** What an operation answers, once its edits are committed; without edits, at once. */
export interface Plan<T> {
  readonly answer: T;
  readonly edits?: readonly Edit[];
}
