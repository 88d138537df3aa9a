/**
 * A small shop that shows what a session can do: `deno task demo`, or `bun examples/demo.ts`, then http://localhost:8000.
 *
 * Sessions are kept in `sessions.db` in the current folder, so they outlive a restart. `PORT` chooses another port,
 * `SESSION_SECRET` another secret than the one that is made once and kept in `sessions.secret`. The shop itself is in
 * `demo/shop.ts`. Imports are relative here, because Bun finds no package by its name without a package.json; in your own app,
 * import from "@sojourn/session" and "@sojourn/session/sqlite".
 */

import process from "node:process";
import { SqliteStore } from "../backends/sqlite.ts";
import { createSessions, SessionError } from "../mod.ts";
import { keptSecret } from "./demo/secret.ts";
import { serve } from "./demo/serve.ts";
import { apologize, makeApp, type ShopData } from "./demo/shop.ts";
import { cookieName, watchStore } from "./demo/watch.ts";

export { apologize, makeApp, type ShopData };

async function main(): Promise<void> {
  const { PORT = "8000", SESSION_SECRET } = process.env;
  if (!/^\d{1,5}$/.test(PORT) || Number(PORT) > 65_535) {
    throw new Error(`PORT must be a number from 0 to 65535: received "${PORT}"`);
  }
  const sessions = createSessions<ShopData>({
    store: watchStore(await SqliteStore.open("sessions.db")), // watched for the page /hood; an app does not need this
    secrets: [SESSION_SECRET ?? keptSecret("sessions.secret")],
    cookie: { name: cookieName, secure: false }, // this demo speaks plain http; leave this line out where there is https
    onError: apologize,
  });
  const server = serve(makeApp(sessions), Number(PORT));

  console.log(
    `The demo is at http://localhost:${server.port}\n` +
      "Its sessions are in sessions.db; they stay when you stop it (Ctrl-C) and start it again.",
  );

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, async () => {
      await server.stop();
      await sessions.close();
      console.log("Stopped.");
      process.exit(0);
    });
  }
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    const cause = error instanceof SessionError && error.cause instanceof Error
      ? ` (${error.cause.message})`
      : "";
    console.error(`The demo cannot start: ${error instanceof Error ? error.message : error}${cause}`);
    process.exit(1);
  }
}
