/** A real Django site for tests, `real_site.py` beside this file, and a browser that visits it and a server of ours as one site. */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { SessionClient } from "../../../src/testing.ts";

const python = "/usr/bin/python3";

/** Whether Debian's Python has all these modules. */
export function pythonHas(...modules: string[]): boolean {
  try {
    execFileSync(python, ["-c", `import ${modules.join(", ")}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Whether there is a Django. */
export const djangoFound: boolean = pythonHas("django");

/** What a site may differ in. */
export interface SiteOptions {
  /** The session engine: `db`, `file`, `cache`, `cached_db` or `signed_cookies`. */
  readonly engine?: string;
  /** Django's `DATABASES["default"]`; without it a SQLite file. */
  readonly database?: Record<string, unknown>;
  readonly useTz?: boolean;
  readonly timeZone?: string;
  /** Further settings under their Django names. */
  readonly settings?: Record<string, unknown>;
  /** Whether the site has a table that refers to the sessions. */
  readonly related?: boolean;
}

/** A running site. */
export interface DjangoSite {
  readonly url: string;
  /** Its folder: `db.sqlite3` and session files are here. */
  readonly folder: string;
  /** The path of its SQLite file. */
  readonly path: string;
  readonly secretKey: string;
  /** Sends JSON to one of its helper views. */
  call(view: string, body?: unknown): Promise<any>; // what a view answers is up to the test
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a site in a folder of its own. It ends with this process at the latest. */
export async function startDjango(options: SiteOptions = {}): Promise<DjangoSite> {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-django-"));
  const path = join(folder, "db.sqlite3");
  const secretKey = "django-insecure-é-(only)-for-tests";
  const given = {
    folder,
    engine: options.engine ?? "db",
    secret_key: secretKey,
    database: options.database ?? { ENGINE: "django.db.backends.sqlite3", NAME: path },
    use_tz: options.useTz ?? true,
    time_zone: options.timeZone ?? "UTC",
    settings: options.settings ?? {},
    related: options.related ?? false,
  };
  const script = fileURLToPath(new URL("real_site.py", import.meta.url));
  const child = spawn(python, ["-B", script, JSON.stringify(given)], { stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let trouble = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => trouble = (trouble + text).slice(-4000));
  const stop = async () => {
    child.stdin.end();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const port = await new Promise<number>((resolve, reject) => {
    let line = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      line += text;
      if (line.includes("\n")) resolve(JSON.parse(line).port);
    });
    child.once("error", reject);
    void ended.then(() => reject(new Error(`The Django site did not start:\n${trouble}`)));
  }).catch(async (error) => {
    await stop();
    throw error;
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    folder,
    path,
    secretKey,
    async call(view, body) {
      const response = await fetch(`${url}/${view}`, { method: "POST", body: JSON.stringify(body ?? null) });
      const text = await response.text();
      assert.equal(response.status, 200, `${view}: ${text.slice(0, 500)}`);
      return JSON.parse(text);
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** One thing to do to the session: a name of `operate` in `real_site.py` and what it is done with. */
export type Step = readonly [name: string, ...values: unknown[]];

/** What came of a list of steps. */
export interface Done {
  readonly status: number;
  readonly answers: any[]; // what a step answers is up to the test
  readonly headers: Headers;
}

/** A browser before a site of which Django serves one half and we the other. */
export class Visitor {
  readonly client: SessionClient;

  constructor(sides: { readonly django: string; readonly ours: string }) {
    this.client = new SessionClient((request) => {
      const { pathname } = new URL(request.url);
      const [, side, ...rest] = pathname.split("/");
      const url = `${side === "django" ? sides.django : sides.ours}/${rest.join("/")}`;
      const { method, headers, body } = request;
      return fetch(url, { method, headers, body, redirect: "manual" });
    });
  }

  /** The session key that the browser holds. */
  get key(): string | undefined {
    return this.client.cookies.get("sessionid");
  }

  django(...steps: Step[]): Promise<any[]> { // what a step answers is up to the test
    return this.#answers("django", steps);
  }

  ours(...steps: Step[]): Promise<any[]> { // what a step answers is up to the test
    return this.#answers("ours", steps);
  }

  async send(side: "django" | "ours", steps: readonly Step[], status = 200): Promise<Done> {
    const response = await this.client.fetch(`/${side}/do/${status}`, {
      method: "POST",
      body: JSON.stringify(steps),
    });
    const text = await response.text();
    let answers = [];
    try {
      ({ answers } = JSON.parse(text));
    } catch { /* an error page */ }
    return { status: response.status, answers, headers: response.headers };
  }

  async #answers(side: "django" | "ours", steps: readonly Step[]): Promise<unknown[]> {
    const { status, answers } = await this.send(side, steps);
    assert.equal(status, 200, `${side} refused ${JSON.stringify(steps)}`);
    return answers;
  }
}

/** Whether the tests run as the administrator, whom database servers refuse. */
export const isRoot: boolean = process.getuid?.() === 0;
