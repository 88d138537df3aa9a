/** `secret`: generates a secret for the `secrets` of `createSessions`. */

import { toBase64url } from "../src/crypto/base64url.ts";
import type { Command } from "./command.ts";
import { exit } from "./io.ts";
import { json } from "./text.ts";

/** Prints 256 random bits, in 43 characters that need no quoting anywhere. */
export const secret: Command = {
  usage: [""],
  summary: "prints a new secret: 32 random bytes as 43 characters",
  positionals: [],
  options: {},
  run({ flags }, io) {
    const made = toBase64url(crypto.getRandomValues(new Uint8Array(32)));
    io.out(flags.has("json") ? json({ secret: made }) : `${made}\n`);
    return Promise.resolve(exit.done);
  },
};
