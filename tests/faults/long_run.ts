/**
 * A process that is looked at from within: `long_run.ts aborts <requests> <seed>`, `soak <store> <place> <seconds> <seed>`,
 * `leak <sessions>`. It says what it measured in a line of JSON and ends by itself: a rejection that nobody handles, or a timer
 * that is left, shows in how it ends.
 */

import { readdirSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { MemoryStore } from "../../backends/memory.ts";
import { createSessions, type Session, type Sessions } from "../../mod.ts";
import { dice } from "../support/dice.ts";
import { listen } from "../support/live_server.ts";
import { own, start } from "../support/processes.ts";
import { secrets } from "../support/processes_stores.ts";
import { openPlace, type StoreName } from "./places.ts";
import { pause } from "./plan.ts";

const global = globalThis as unknown as { Bun?: { gc(force: boolean): void }; gc?: () => void };
const clientsScript = fileURLToPath(new URL("./clients.ts", import.meta.url));
const nothing = () => {};
const openFiles = () => readdirSync("/proc/self/fd").length;

/** The heap in bytes, after all that can be collected was. */
async function heap(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    global.Bun ? global.Bun.gc(true) : global.gc!();
    await pause(5);
  }
  return process.memoryUsage().heapUsed;
}

/** Says what was measured, and how long the process lived on after its work. */
function finish(measured: Record<string, number>): void {
  const done = performance.now();
  process.on("exit", () => {
    const late = Math.round(performance.now() - done);
    console.log(JSON.stringify({ ...measured, late }));
  });
}

async function aborts(requests: number, seed: number): Promise<void> {
  const roll = dice(seed);
  const store = new MemoryStore();
  for (const method of ["load", "save"] as const) {
    const real = store[method].bind(store) as (...args: unknown[]) => unknown;
    const slow = (...args: unknown[]) => pause(roll(8)).then(() => real(...args));
    Object.defineProperty(store, method, { value: slow });
  }
  const sessions = createSessions({ store, secrets, cookie: { name: "sid", secure: false } });
  const wrapped = sessions.wrap(async (request) => {
    const session = await request.session as Session;
    if (request.method === "POST") await request.text();
    const n = session.update("n", (n: number = 0) => n + 1);
    await pause(roll(4));
    if (n % 3 > 0) return new Response(`n=${n}`);
    const pieces = ["n=", String(n)];
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await pause(1);
          const piece = pieces.shift();
          if (piece === undefined) controller.close();
          else controller.enqueue(new TextEncoder().encode(piece));
        },
      }),
    );
  });
  let running = 0;
  const server = listen(async (request: Request) => {
    running++;
    try {
      return await wrapped(request as never);
    } catch {
      return new Response("the body broke off", { status: 400 });
    } finally {
      running--;
    }
  });
  const visit = async (count: number): Promise<{ aborted: number; answered: number; wrong: number }> => {
    const child = start(clientsScript, own, [String(server.port), String(count), String(seed)]);
    if (await child.ended !== 0) throw new Error("The clients did not come to their end");
    for (let i = 0; running > 0 && i < 400; i++) await pause(10);
    return JSON.parse(child.lines.at(-1)!);
  };
  await visit(64); // the runtime opens descriptors of its own when it first has much to do
  // Deno's pair of sockets for signals: it opens them half a second after its start, or now.
  process.once("SIGHUP", nothing).off("SIGHUP", nothing);
  const before = openFiles();
  const { aborted, answered, wrong } = await visit(requests);
  // The server sees the end of a connection some time after the client does.
  for (let i = 0; openFiles() > before && i < 200; i++) await pause(10);
  const after = openFiles();
  await server[Symbol.asyncDispose]();
  await sessions.close();
  finish({ aborted, answered, wrong: wrong + running, before, after });
}

/** Requests through `wrap` with a browser's cookie. */
class Browser {
  cookie: string | undefined;
  /** How many it was given. */
  ids = 0;

  async visit(handler: (request: Request) => Promise<Response>, what: string): Promise<void> {
    const headers = this.cookie === undefined ? {} : { cookie: `__Host-sid=${this.cookie}` };
    const response = await handler(new Request(`https://localhost/${what}`, { headers }));
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    const field = response.headers.getSetCookie()[0];
    const value = field === undefined ? undefined : /^__Host-sid=([^;]*)/.exec(field)![1];
    if (value !== undefined) this.cookie = value === "" ? undefined : value;
    if (value) this.ids++;
    await response.text();
  }
}

const site = (sessions: Sessions) =>
  sessions.wrap(async (request) => {
    const session = await request.session as Session;
    if (request.url.endsWith("logout")) await session.flush();
    else if (request.url.endsWith("login")) session.login("ada");
    else if (request.url.endsWith("write")) {
      session.set("n", (session.get("n") ?? 0) + 1);
      session.set("text", "x".repeat(200));
    }
    return new Response(String(session.get("n")));
  }) as (request: Request) => Promise<Response>;

async function soak(name: string, place: string, seconds: number, seed: number): Promise<void> {
  const roll = dice(seed);
  const memory = { store: new MemoryStore(), close: () => Promise.resolve() };
  const opened = name === "MemoryStore"
    ? { ...memory, sessions: createSessions({ store: memory.store, secrets }) }
    : await openPlace(name as StoreName, place);
  const handler = site(opened.sessions);
  const browsers = Array.from({ length: 100 }, () => new Browser());
  let [requests, errors] = [0, 0];
  /** For some milliseconds as many as come to be, over eight at a time, each with its own visitors. */
  const work = async (milliseconds: number) => {
    const until = performance.now() + milliseconds;
    const loop = async (number: number) => {
      while (performance.now() < until) {
        const browser = browsers[roll(100 / 8 | 0) * 8 + number]!;
        const luck = roll(10);
        const what = luck === 0 ? "login" : luck === 1 ? "logout" : luck < 5 ? "write" : "read";
        await browser.visit(handler, what).catch(() => errors++);
        requests++;
        await pause(1);
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, number) => loop(number)));
  };
  const third = seconds * 1000 / 3;
  const ids = () => browsers.reduce((sum, browser) => sum + browser.ids, 0);
  /**
   * The least of some looks at the heap in a third of the time, with work between them and rest before each. Memories of bounded size fill up
   * and are half emptied again: it takes as long as the largest, of 4,096 ids, needs to come round.
   */
  const least = async () => {
    const [until, all] = [performance.now() + third, ids() + (seconds > 10 ? 4096 : 0)];
    const looks: number[] = [];
    do {
      await work(Math.min(4000, third));
      // Answers, and what was closed, are let go of a moment later.
      await pause(seconds > 10 ? 500 : 0);
      looks.push(await heap());
    } while (performance.now() < until || ids() < all);
    return Math.min(...looks);
  };
  const started = performance.now();
  await least();
  const warm = await least();
  const warmRss = process.memoryUsage.rss();
  const files = openFiles();
  const last = await least();
  const took = (performance.now() - started) / 1000;
  const rss = process.memoryUsage.rss() - warmRss;
  const filesEnd = openFiles();
  await opened.sessions.close();
  await opened.close();
  finish({ warm, end: last, rss, files, filesEnd, requests, errors, took });
}

async function leak(count: number): Promise<void> {
  const store = new MemoryStore();
  const sessions = createSessions({ store, secrets });
  const handler = site(sessions);
  const open = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const browser = new Browser();
      await browser.visit(handler, "write");
      await browser.visit(handler, "logout");
    }
  };
  /** The median of five looks with some work between them: how much of the code is compiled varies. */
  const look = async () => {
    const looks: number[] = [];
    for (let i = 0; i < 5; i++) {
      await open(count / 50);
      looks.push(await heap());
    }
    return looks.sort((a, b) => a - b)[2]!;
  };
  await open(count / 2); // until all code is compiled and what is bounded is full
  const start = await look();
  await open(count);
  const end = await look();
  const left = store.size;
  await sessions.close();
  finish({ start, end, left });
}

const [job, ...args] = process.argv.slice(2) as [string, string, string, string, string];
if (job === "aborts") await aborts(Number(args[0]), Number(args[1]));
else if (job === "soak") await soak(args[0]!, args[1]!, Number(args[2]), Number(args[3]));
else await leak(Number(args[0]));
