/** Checksums (CRC-32) that bind a record to its key: what damage has changed, or put under another key, is not shown to a visitor. */

import { crc32 } from "node:zlib";

/**
 * The sums of one record. They are three, because its parts are written and read apart: a touch moves the instants alone, and who lists
 * records reads no data. Any change of up to 32 bits in a row is found for certain, any other but for one in 2^32.
 */
export interface Sums {
  /** Of the key, the version and the data. */
  readonly data: number;
  /** Of the key, the version, the head, the user and `createdAt`. */
  readonly record: number;
  /** Of the key, `touchedAt` and `expiresAt`. */
  readonly instants: number;
}

/** What is summed: texts as the store keeps them. */
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

/** The sum of what a list shows, but for the instants. */
export function recordSum(
  { key, version, head, userId, createdAt }: Pick<
    Summed,
    "key" | "version" | "head" | "userId" | "createdAt"
  >,
): number {
  // The lengths tell no text from one without a character, and one text from the next
  const lengths = withNumbers(crc32(version, crc32(key)), userId?.length ?? -1, head?.length ?? -1);
  return crc32(head ?? "", crc32(userId ?? "", withNumbers(lengths, createdAt, 0)));
}

/** The sum of the instants alone. */
export function instantsSum(key: string, touchedAt: number, expiresAt: number): number {
  return withNumbers(crc32(key), touchedAt, expiresAt);
}

/** The sum of a key, and of bytes under it. */
export function bytesSum(key: string, bytes: Uint8Array): number {
  return crc32(bytes, crc32(key));
}

const two = new DataView(new ArrayBuffer(16));

function withNumbers(sum: number, first: number, second: number): number {
  two.setFloat64(0, first + 0); // -0 is stored as 0
  two.setFloat64(8, second + 0);
  return crc32(two, sum);
}
