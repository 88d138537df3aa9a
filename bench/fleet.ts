/** The servers of the subjects, all up at once: those that are not measured do nothing. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Load, load, moveToLoadCore, onCore, writeScripts } from "./load.ts";
import type { Serving } from "./server.ts";
import { redisPort } from "./subjects/all.ts";
import type { Scenario, Subject } from "./subjects/subject.ts";

/** The runtime to measure, as a command; the one that started this gives it. */
const runtime: readonly string[] = JSON.parse(process.env.BENCH_RUNTIME ?? "[]");

/** All servers, and how to load one. */
export class Fleet {
  readonly #folder: string = mkdtempSync(`${tmpdir()}/sojourn-bench-`);
  readonly #scripts: ReturnType<typeof writeScripts> = writeScripts(this.#folder);
  readonly #servers = new Map<string, { child: ChildProcess; serving: Serving; cookies: string }>();

  /** Starts a subject's server. */
  async start({ name }: Subject): Promise<void> {
    const program = fileURLToPath(new URL("server.ts", import.meta.url));
    const [command, ...args] = onCore("server", [...runtime, program, name]);
    // An own process group would survive the one who interrupts this
    const child = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] });
    const line = await new Promise<string>((resolve, reject) => {
      let out = "";
      child.stdout!.on("data", (chunk) => {
        out += chunk;
        if (out.endsWith("}\n")) resolve(out.slice(out.lastIndexOf("\n{") + 1));
      });
      child.on("exit", (code) => reject(new Error(`The server of ${name} ended with ${code}`)));
    });
    const serving: Serving = JSON.parse(line);
    const cookies = `${this.#folder}/${this.#servers.size}.cookies`;
    writeFileSync(cookies, serving.cookies.join("\n") + "\n");
    this.#servers.set(name, { child, serving, cookies });
  }

  /** Loads one of them. */
  load(name: string, scenario: Scenario, seconds: number, connections: number, rate?: number): Promise<Load> {
    const { serving, cookies } = this.#servers.get(name)!;
    const options = { port: serving.ports[scenario], cookies, connections, seconds };
    return load(rate === undefined ? options : { ...options, rate }, this.#scripts);
  }

  /** Ends all of them. */
  async stop(): Promise<void> {
    await Promise.all([...this.#servers.values()].map(({ child }) =>
      new Promise<void>((resolve) => {
        child.removeAllListeners("exit").on("exit", () => resolve());
        child.stdin!.end();
        setTimeout(() => child.kill("SIGKILL"), 2_000).unref();
      })
    ));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Redis is no part of the server that is measured. */
export function separateRedis(): void {
  if (redisPort === undefined) return;
  const info = execFileSync("redis-cli", ["-p", String(redisPort), "INFO", "server"], { encoding: "utf8" });
  moveToLoadCore(Number(/process_id:(\d+)/.exec(info)![1]));
}
