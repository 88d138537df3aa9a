/** A real browser for tests: Debian's Chromium without a window, and what it needs to speak https to this machine. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Browser, chromium } from "playwright-core";
import type { Identity } from "./live_server.ts";

/** Where the browser is; `undefined` if it is nowhere. */
export const chromiumPath: string | undefined = ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
  .find((path) => existsSync(path));

/** Starts it. All names that end in `.test` are this machine. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath!,
    chromiumSandbox: process.getuid?.() !== 0, // as root there is none
    args: ["--disable-gpu", "--disable-dev-shm-usage", "--host-resolver-rules=MAP *.test 127.0.0.1"],
  });
}

/** A certificate for this test alone, signed by itself. */
export function selfSigned(): Identity {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-tls-"));
  try {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const what = ["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    const who = ["-days", "2", "-subj", "/CN=site.test", "-addext", "subjectAltName=DNS:site.test"];
    execFileSync("openssl", [...what, ...who, "-keyout", key, "-out", cert], { stdio: "ignore" });
    return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
