/** What an operation on Deno KV reads and plans to change. */

import type { SessionRecord, StoredRecord } from "../../src/store.ts";
import type { DenoKvAtomic, DenoKvKey } from "./client.ts";

/** The entry under a storage key. */
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

/** The result of an operation, returned once its edits are committed; without edits, immediately. */
export interface Plan<T> {
  readonly result: T;
  readonly edits?: readonly Edit[];
}
