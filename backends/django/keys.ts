/** Django's session keys. */

const letters = "abcdefghijklmnopqrstuvwxyz0123456789";

/** 32 characters, each of 36 with the same chance, as Django makes them. */
export function makeKey(): string {
  let key = "";
  while (key.length < 32) {
    for (const byte of crypto.getRandomValues(new Uint8Array(48))) {
      // 252 is the last multiple of 36: the bytes above would favour some letters.
      if (byte < 252 && key.length < 32) key += letters[byte % 36];
    }
  }
  return key;
}

/** Whether a value may be a key at all: at least 8 characters that a cookie can carry. */
export function isKey(value: unknown): value is string {
  return typeof value === "string" && /^[\x21\x23-\x2B\x2D-\x3A\x3C-\x5B\x5D-\x7E]{8,8192}$/.test(value);
}
