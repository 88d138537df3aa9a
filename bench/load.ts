/** Load over HTTP: by wrk where it is installed, else by autocannon; servers and what makes the load on different cores. */

import autocannon from "autocannon";
import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** What one load gave. */
export interface Load {
  readonly perSecond: number;
  /** Microseconds from a request to its response. */
  readonly p50: number;
  readonly p99: number;
}

/** What to load with. */
export interface LoadOptions {
  readonly port: number;
  /** A file of `Cookie` headers, one a line, that take turns. */
  readonly cookies: string;
  readonly connections: number;
  /** Whole seconds. */
  readonly seconds: number;
  /** Requests per second to aim at, over all connections; as many as there can be without it. */
  readonly rate?: number;
}

function isThere(command: string): boolean {
  try {
    execFileSync("which", [command], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const hasWrk = isThere("wrk");
const hasTaskset = isThere("taskset") && availableParallelism() > 1;

/** The name of what makes the load. */
export const generator: string = hasWrk ? "wrk" : "autocannon";

/** A command that stays on one core, if this machine can say so. The last core is for the load, and what else there is. */
export function onCore(core: "server" | "load", command: readonly string[]): string[] {
  const number = core === "server" ? 0 : availableParallelism() - 1;
  return hasTaskset ? ["taskset", "-c", String(number), ...command] : [...command];
}

/** Moves a process that runs to the core of the load. */
export function moveToLoadCore(pid: number): void {
  if (hasTaskset) {
    execFileSync("taskset", ["-acp", String(availableParallelism() - 1), String(pid)], { stdio: "ignore" });
  }
}

const script = `
local requests, at, waits = {}, 0, nil
function init(args)
  for line in io.lines(args[1]) do requests[#requests + 1] = wrk.format("GET", "/", { cookie = line }) end
  waits = tonumber(args[2])
  at = math.random(#requests)
end
function request()
  at = at % #requests + 1
  return requests[at]
end
DELAY
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\\n{"requests":%d,"duration":%d,"errors":%d,"p50":%d,"p99":%d}\\n', summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
`;
/** Whole milliseconds, which is what wrk can wait, so that their mean is `waits`. */
const delay = `
function delay()
  local time = math.random() * 2 * waits
  local whole = math.floor(time)
  if math.random() < time - whole then whole = whole + 1 end
  return whole
end`;

/** Writes wrk's scripts into a folder. */
export function writeScripts(folder: string): { readonly full: string; readonly paced: string } {
  const [full, paced] = [`${folder}/full.lua`, `${folder}/paced.lua`];
  writeFileSync(full, script.replace("DELAY", ""));
  writeFileSync(paced, script.replace("DELAY", delay));
  return { full, paced };
}

function run(command: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.on("data", (chunk) => out += chunk);
    child.on("error", reject);
    child.on(
      "close",
      (code) => code === 0 ? resolve(out) : reject(new Error(`${command[0]} ended with ${code}`)),
    );
  });
}

/**
 * Loads a server.
 *
 * @throws {Error} If any response was not a 200, as figures of failures are meaningless.
 */
export async function load(options: LoadOptions, scripts: ReturnType<typeof writeScripts>): Promise<Load> {
  return hasWrk ? await byWrk(options, scripts) : await byAutocannon(options);
}

async function byWrk(options: LoadOptions, scripts: ReturnType<typeof writeScripts>): Promise<Load> {
  const { port, cookies, connections, seconds, rate } = options;
  const wait = rate === undefined ? "0" : String(connections * 1000 / rate);
  const command = [
    "wrk",
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "-s",
    rate === undefined ? scripts.full : scripts.paced,
  ];
  const out = await run(onCore("load", [...command, `http://127.0.0.1:${port}/`, "--", cookies, wait]));
  const { requests, duration, errors, p50, p99 } = JSON.parse(out.slice(out.lastIndexOf("\n{")));
  if (errors > 0) throw new Error(`${errors} of ${requests} requests failed`);
  return { perSecond: requests / duration * 1e6, p50, p99 };
}

async function byAutocannon({ port, cookies, connections, seconds, rate }: LoadOptions): Promise<Load> {
  const lines = (await import("node:fs")).readFileSync(cookies, "utf8").trim().split("\n").slice(0, 256);
  const result = await autocannon({
    url: `http://127.0.0.1:${port}/`,
    connections,
    duration: seconds,
    requests: lines.map((cookie) => ({ method: "GET", path: "/", headers: { cookie } })),
    ...(rate === undefined ? {} : { overallRate: rate }),
  });
  if (result.errors + result.non2xx > 0) throw new Error(`${result.errors + result.non2xx} requests failed`);
  return {
    perSecond: result.requests.average,
    p50: result.latency.p50 * 1000,
    p99: result.latency.p99 * 1000,
  };
}
