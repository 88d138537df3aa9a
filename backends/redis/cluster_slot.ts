/** Where a Redis Cluster keeps a key. */

/**
 * The hash slot of a key: CRC-16/XMODEM of it, or of its hash tag, modulo 16384.
 *
 * Source: the Redis Cluster specification, "Key distribution model" and "Hash tags".
 */
export function slotOf(key: string): number {
  const tag = /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key;
  let crc = 0;
  for (const byte of encoder.encode(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0);
    crc &= 0xffff;
  }
  return crc % 16_384;
}

const encoder: TextEncoder = new TextEncoder();
