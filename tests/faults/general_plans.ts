/** The plans of everything: chaos, clients that go away, long runs, and what is left after them. */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { own, start } from "../support/processes.ts";
import { skip, startServer } from "../support/redis/server.ts";
import { chaos } from "./chaos.ts";
import type { StoreName } from "./places.ts";
import { expect, type Outcome, outcome, type Plan, type Size } from "./plan.ts";

const script = fileURLToPath(new URL("./long_run.ts", import.meta.url));
const redis = ["redis-server", skip === false] as const;

/** Runs `long_run.ts` to its end, which has to be a quiet one, by itself. */
async function alone(
  runs: number,
  ...args: string[]
): Promise<{ result: Outcome; said: Record<string, number> }> {
  const result = outcome(runs);
  const permissions = ["-A", "--unstable-kv", "--no-check", "--v8-flags=--expose-gc"];
  const child = start(script, own, args, { permissions });
  const ending = await child.ended;
  expect(result, ending === 0, `the process ended with ${ending}`);
  const said = JSON.parse(child.lines.at(-1) ?? "{}");
  return { result, said };
}

/** G2: clients drop their connections at any time. */
async function aborts({ seed, isFull }: Size): Promise<Outcome> {
  const { result, said } = await alone(
    isFull ? 10_000 : 600,
    "aborts",
    String(isFull ? 10_000 : 600),
    String(seed),
  );
  expect(result, said["wrong"] === 0, `${said["wrong"]} wrong answers`);
  expect(result, said["aborted"]! > result.runs / 5, `only ${said["aborted"]} aborts`);
  expect(
    result,
    said["after"]! <= said["before"]!,
    `${said["before"]} open files before, ${said["after"]} after`,
  );
  expect(result, said["late"]! < 2000, `the process lived on for ${said["late"]} ms`);
  result.notes.push(`${said["aborted"]} aborted, ${said["answered"]} answered, ${said["after"]} open files`);
  return result;
}

/** G4: a steady stream of requests; memory and open files after it warmed up and at its end. */
async function soak(store: StoreName | "MemoryStore", size: Size): Promise<Outcome> {
  const seconds = Number(process.env["SOJOURN_SOAK"] ?? (size.isFull ? 60 : 2));
  const server = store === "RedisStore" ? await startServer() : undefined;
  try {
    const place = server ? String(server.port) : `${size.folder}/sessions`;
    const { result, said } = await alone(1, "soak", store, place, String(seconds), String(size.seed));
    const { warm, end, files, filesEnd, requests, errors, rss, took } = said as Record<string, number> & {
      warm: number;
    };
    expect(result, errors === 0, `${errors} errors`);
    // Two seconds are too short for everything to be compiled before the first look.
    const most = (size.isFull ? 1 : 4) * 2 ** 20;
    expect(result, end! - warm < most, `the heap grew by ${end! - warm} bytes in ${requests} requests`);
    expect(result, filesEnd === files, `${files} open files, then ${filesEnd}`);
    const kib = (bytes: number) => `${Math.round(bytes / 1024)} KiB`;
    result.notes.push(
      `${requests} requests in ${Math.round(took!)} s`,
      `at its least, heap ${kib(end! - warm)} more in the last third than in the second; resident memory ${
        kib(rss!)
      } more`,
      `${filesEnd} open files`,
    );
    return result;
  } finally {
    await server?.stop();
  }
}

/** G5: sessions that are opened and ended leave nothing. */
async function leak({ isFull }: Size): Promise<Outcome> {
  const sessions = isFull ? 100_000 : 5_000;
  const { result, said } = await alone(sessions, "leak", String(sessions));
  const grown = said["end"]! - said["start"]!;
  const growth = grown / said["start"]!;
  // In the short form code is still being compiled; a session that is kept takes over 300 bytes.
  const holds = isFull ? growth < 0.02 : grown / sessions < 200;
  expect(result, holds, `the heap grew by ${grown} bytes, ${(growth * 100).toFixed(2)} %`);
  expect(result, said["left"] === 0, `${said["left"]} records left`);
  expect(result, said["late"]! < 2000, `the process lived on for ${said["late"]} ms`);
  result.notes.push(`heap ${(growth * 100).toFixed(2)} %`, "the process ended by itself");
  return result;
}

const soaked = ["MemoryStore", "FileStore", "SqliteStore", "DenoKvStore", "RedisStore"] as const;

export const generalPlans: readonly Plan[] = [
  {
    id: "G1",
    title:
      "chaos store, 100 users: all that was acknowledged is there, nothing bled, came back or was overwritten",
    run: chaos,
  },
  {
    id: "G2",
    title: "30 % of the clients drop the connection: no unhandled rejection, handles back to start",
    run: aborts,
  },
  ...soaked.map((store): Plan => ({
    id: `G4 ${store}`,
    title: `${store}, a steady stream of requests, log-ins and log-outs: flat memory, constant open files`,
    ...(store === "RedisStore" ? { needs: redis } : {}),
    run: (size) => soak(store, size),
  })),
  {
    id: "G5",
    title: "sessions opened and ended: heap within 2 % of the start, no timer left",
    run: leak,
  },
];
