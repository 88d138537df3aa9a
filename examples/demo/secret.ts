/** A secret that is made once and kept in a file. */

import { readFileSync, writeFileSync } from "node:fs";

/** The secret in this file; if the file does not exist, a new one that only its owner can read. */
export function keptSecret(path: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const secret = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  try {
    writeFileSync(path, secret, { flag: "wx", mode: 0o600 });
    return secret;
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
    return readFileSync(path, "utf8").trim();
  }
}
