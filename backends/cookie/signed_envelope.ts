/** Signed but readable texts, with Django's trade-off: anyone can read them, but not change them. */

import { fromBase64url, toBase64url } from "../../src/crypto/base64url.ts";
import { type Secrets, Signer } from "../../src/crypto/signer.ts";
import type { OpenedSeal, Seal } from "../../src/crypto/sealer.ts";

const tagLength = 43;

/** Token: the text in base64url, then its HMAC-SHA-256 tag. */
export class Signed implements Seal {
  readonly #signer: Signer;

  constructor(secrets: Secrets, cookieName: string) {
    this.#signer = new Signer(secrets, "signed session", cookieName);
  }

  async close(text: string, context: string): Promise<string> {
    const body = toBase64url(new TextEncoder().encode(text));
    return body + await this.#signer.sign(`${context}\n${body}`);
  }

  async open(token: string, context: string): Promise<OpenedSeal | "malformed" | "forged"> {
    const body = token.slice(0, -tagLength);
    const secret = await this.#signer.verify(`${context}\n${body}`, token.slice(-tagLength));
    if (secret < 0) return "forged";
    const bytes = fromBase64url(body);
    return bytes === undefined
      ? "malformed"
      : { text: new TextDecoder().decode(bytes), hasOldKey: secret > 0 };
  }
}
