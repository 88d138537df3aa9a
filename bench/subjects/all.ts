/** Every subject, opened. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { byHand } from "./by_hand.ts";
import { fetchPeers } from "./fetch_peers.ts";
import { honoPeers } from "./hono_peers.ts";
import { nodePeers } from "./node_peers.ts";
import { sojourn } from "./ours.ts";
import type { Opened, Subject, Surroundings } from "./subject.ts";

/** All of them. Each stands next to what it is compared with, because they are measured in this order. */
export function allSubjects(redisPort: number | undefined): Subject[] {
  const all = [...byHand(redisPort), ...sojourn(redisPort), ...honoPeers(), ...fetchPeers(), ...nodePeers()];
  return all.filter(({ limit }) => limit === undefined)
    .flatMap((one) => [one, ...all.filter(({ limit }) => limit === one.name)]);
}

/** The redis-server started by the parent process. */
export const redisPort: number | undefined = process.env.BENCH_REDIS_PORT === undefined
  ? undefined
  : Number(process.env.BENCH_REDIS_PORT);

/** A folder for this process, and how to remove it. */
export function surroundings(): Surroundings & { remove(): void } {
  const folder = mkdtempSync(`${tmpdir()}/sojourn-bench-`);
  let paths = 0;
  return {
    path: () => `${folder}/${++paths}`,
    redisPort,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Those that can be measured here and whose names contain one of the words, and what they are compared with; without words all. */
export function chosen(all: readonly Subject[], words: readonly string[], overHttp: boolean): Subject[] {
  const present = all.filter((one) =>
    one.absent === undefined && !(overHttp ? one.inProcessOnly : one.httpOnly)
  );
  const wanted = present.filter(({ name }) =>
    words.length === 0 || words.some((word) => name.includes(word))
  );
  const needed = new Set(
    wanted.flatMap(({ name, bare = "bare", limit }) => [name, bare, limit]).concat("bare"),
  );
  return present.filter(({ name }) => needed.has(name));
}

/** Subjects that are ready, and how to end them all. */
export interface AllOpened {
  readonly subjects: readonly { readonly subject: Subject; readonly opened: Opened }[];
  close(): Promise<void>;
}

/** Opens them. */
export async function openAll(all: readonly Subject[]): Promise<AllOpened> {
  const around = surroundings();
  const subjects: { subject: Subject; opened: Opened }[] = [];
  for (const subject of all) subjects.push({ subject, opened: await subject.open(around) });
  return {
    subjects,
    async close() {
      for (const { opened } of subjects) await opened.close?.();
      around.remove();
    },
  };
}
