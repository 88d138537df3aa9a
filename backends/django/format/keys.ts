/** Django's random texts: session keys and CSRF tokens. */

const forKeys = "abcdefghijklmnopqrstuvwxyz0123456789";
const forTokens = `${forKeys}ABCDEFGHIJKLMNOPQRSTUVWXYZ`;

/** A session key in Django's format: 32 lower-case letters and digits. */
export function makeKey(): string {
  return draw(32, forKeys);
}

/** A CSRF token in Django's format: letters and digits. */
export function makeToken(length: 32 | 64): string {
  return draw(length, forTokens);
}

/** Uniformly random characters. */
function draw(length: number, characters: string): string {
  // The bytes above the last multiple would favour some characters.
  const end = 256 - 256 % characters.length;
  let text = "";
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(48))) {
      if (byte < end && text.length < length) text += characters[byte % characters.length];
    }
  }
  return text;
}

/** Whether a value may be a key at all: at least 8 characters that a cookie can carry. */
export function isKey(value: unknown): value is string {
  return typeof value === "string" && /^[\x21\x23-\x2B\x2D-\x3A\x3C-\x5B\x5D-\x7E]{8,8192}$/.test(value);
}
