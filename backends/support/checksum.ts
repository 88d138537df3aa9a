/** Checksums (CRC-32) that bind a record to its key, so that a damaged or misplaced record is never used. */

import { crc32 } from "node:zlib";

/**
 * The sums of one record. There are three, because its parts are written and read separately: a touch changes only the instants, and a
 * list reads no data. A changed burst of up to 32 bits is always detected, any other change except for one in 2^32.
 */
export interface Sums {
  /** Of the key, the version and the data. */
  readonly data: number;
  /** Of the key, the version, the head, the user and `createdAt`. */
  readonly record: number;
  /** Of the key, `touchedAt` and `expiresAt`. */
  readonly instants: number;
}

/** The input of the sums: texts as the store keeps them. */
export interface Summed {
  readonly key: string;
  readonly version: string;
  readonly data: string;
  readonly head: string | null | undefined;
  readonly userId: string | null | undefined;
  readonly createdAt: number;
  readonly touchedAt: number;
  readonly expiresAt: number;
}

/** All sums of a record. */
export function sumsOf(record: Summed): Sums {
  const { key, version, data, touchedAt, expiresAt } = record;
  return {
    data: dataSum(key, version, data),
    record: recordSum(record),
    instants: instantsSum(key, touchedAt, expiresAt),
  };
}

/** The sum of the data alone. */
export function dataSum(key: string, version: string, data: string): number {
  return crc32(data, crc32(version, crc32(key)));
}

/** The sum of what a list shows, without the instants. */
export function recordSum(
  { key, version, head, userId, createdAt }: Pick<
    Summed,
    "key" | "version" | "head" | "userId" | "createdAt"
  >,
): number {
  // The lengths distinguish a missing text from an empty one, and separate the texts
  const lengths = withNumbers(crc32(version, crc32(key)), userId?.length ?? -1, head?.length ?? -1);
  return crc32(head ?? "", crc32(userId ?? "", withNumbers(lengths, createdAt, 0)));
}

/** The sum of a key, over which the others are begun. */
export function keySum(key: string): number {
  return crc32(key);
}

/** The sum of the instants alone. */
export function instantsSum(key: string, touchedAt: number, expiresAt: number): number {
  return withNumbers(crc32(key), touchedAt, expiresAt);
}

/** The sum of a key and of the bytes under it. */
export function bytesSum(key: string, bytes: Uint8Array): number {
  return crc32(bytes, crc32(key));
}

const two = new DataView(new ArrayBuffer(16));

function withNumbers(sum: number, first: number, second: number): number {
  two.setFloat64(0, first + 0); // -0 is stored as 0
  two.setFloat64(8, second + 0);
  return crc32(two, sum);
}
