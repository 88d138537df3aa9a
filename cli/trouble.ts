/** What went wrong, for people. */

import { plain } from "./text.ts";

/** An error in words that hold no more than the library's own do: a driver's may quote what it was given. */
export function trouble(error: unknown): { code: string; message: string } {
  const { name, code = name, message, cause } = error as Error & { code?: string; cause?: unknown };
  const ours = name === "SessionError" || /^Cannot keep sessions here/.test(message);
  const reason = (cause as { code?: unknown } | undefined)?.code;
  const isTold = typeof reason !== "string" || (ours && message.includes(reason));
  const because = !isTold && /^[A-Z][A-Z0-9_]{1,40}$/.test(reason) ? ` (${reason})` : "";
  return {
    code,
    message: plain(`${ours ? message : "Something went wrong in the command itself"}${because}`),
  };
}
