/** Checksums (CRC-32) that bind a record to its key: what damage has changed, or put under another key, is not shown to a visitor. */

import { crc32 } from "node:zlib";

/**
 * The sums of one record. They are three, because its parts are written and read apart: a touch moves the instants alone, and who lists
 * records reads no data. Any change of up to 32 bits in a row is found for certain, any other but for one in 2^32.
 */
export interface Sums {
  /** Of the key, the version and the data. */
  readonly data: number;
  /** Of the key, the version, the user and `createdAt`. */
  readonly record: number;
  /** Of the key, `touchedAt` and `expiresAt`. */
  readonly instants: number;
}

/** What is summed: texts as the store keeps them. */
export interface Summed {
  readonly key: string;
  readonly version: string;
  readonly data: string;
  readonly userId: string | null | undefined;
  readonly createdAt: number;
  readonly touchedAt: number;
  readonly expiresAt: number;
}

/** All sums of a record. */
export function sumsOf({ key, version, data, userId, createdAt, touchedAt, expiresAt }: Summed): Sums {
  const under = crc32(key);
  const saved = crc32(version, under);
  return {
    data: crc32(data, saved),
    // The length tells no user from one without a name
    record: crc32(userId ?? "", withNumbers(saved, createdAt, userId?.length ?? -1)),
    instants: withNumbers(under, touchedAt, expiresAt),
  };
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
