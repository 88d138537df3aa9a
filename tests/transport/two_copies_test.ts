/** Two copies of the package in one process, as when one dependency takes it from JSR and another from npm. */

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { adoptDjango } from "../../backends/django.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { type CarriedStore, createSessions, SessionError, type SessionStore } from "../../mod.ts";
import { SessionClient } from "../../src/testing.ts";
import { secrets } from "../support/fault_rig.ts";

interface Data {
  visits: number;
  text: string;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;

/** A module of the second copy. */
async function copied<Module>(path: string): Promise<Module> {
  return await import(pathToFileURL(join(folder, path)).href);
}

async function countToThree(sessions: ReturnType<typeof createSessions<Data>>): Promise<string[]> {
  const client = new SessionClient(sessions.wrap(async (request) => {
    const session = await request.session;
    return new Response(String(session.update("visits", (n = 0) => n + 1)));
  }));
  const answers: string[] = [];
  for (let i = 0; i < 3; i++) answers.push(await (await client.fetch("/")).text());
  return answers;
}

describe("two copies of the package in one process", () => {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "sojourn-copy-"));
    for (const name of ["mod.ts", "src", "backends"]) {
      cpSync(join(root, name), join(folder, name), { recursive: true });
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("are two: their classes are not the same", async () => {
    const other = await copied<typeof import("../../backends/memory.ts")>("backends/memory.ts");
    assert.notEqual(other.MemoryStore, MemoryStore);
  });

  it("a CookieStore of one works with the sessions of the other, sealed and signed", async () => {
    const { CookieStore } = await copied<typeof import("../../backends/cookie.ts")>("backends/cookie.ts");
    for (const seal of [true, false]) {
      const store = new CookieStore({ revocation: "none", seal });
      assert.deepEqual(await countToThree(createSessions<Data>({ store, secrets })), ["1", "2", "3"]);
    }
  });

  it("the errors of one are session errors to the other", async () => {
    const { CookieStore } = await copied<typeof import("../../backends/cookie.ts")>("backends/cookie.ts");
    const codes: string[] = [];
    const sessions = createSessions<Data>({
      store: new CookieStore({ revocation: "none" }),
      secrets,
      onError: (error) => {
        codes.push(error.code);
        assert.ok(error instanceof SessionError);
        return new Response(null, { status: 507 });
      },
    });
    const client = new SessionClient(sessions.wrap(async (request) => {
      (await request.session).set("text", "x".repeat(9_000));
      return new Response();
    }));
    assert.equal((await client.fetch("/")).status, 507);
    assert.deepEqual(codes, ["ERR_TOO_LARGE"]);
    await assert.rejects(sessions.open(), { code: "ERR_UNSUPPORTED" });
  });

  it("a store of one that is down is a 503 of the other", async () => {
    const { CookieStore } = await copied<typeof import("../../backends/cookie.ts")>("backends/cookie.ts");
    const down = () => Promise.reject(new Error("down"));
    const revocation: SessionStore = { load: down, create: down, save: down, delete: down };
    const sessions = createSessions<Data>({ store: new CookieStore({ revocation }), secrets });
    const client = new SessionClient(sessions.wrap(async (request) => {
      return new Response(String((await request.session).update("visits", (n = 0) => n + 1)));
    }));
    assert.equal((await client.fetch("/")).status, 200);
    assert.equal((await client.fetch("/")).status, 503);
  });

  it("Django's signed cookies and adopted sessions of one work with the sessions of the other", async () => {
    const { settleDjango } = await copied<typeof import("../../backends/django/options.ts")>(
      "backends/django/options.ts",
    );
    const { store } = settleDjango({ secretKey: "short", engine: "signed_cookies" });
    assert.deepEqual(await countToThree(createSessions<Data>({ store, secrets })), ["1", "2", "3"]);
    const other = await copied<typeof import("../../backends/django.ts")>("backends/django.ts");
    for (const adopted of [other.adoptDjango(new MemoryStore()), adoptDjango(new MemoryStore())]) {
      assert.deepEqual(await countToThree(createSessions<Data>({ store: adopted, secrets })), [
        "1",
        "2",
        "3",
      ]);
    }
  });

  it("the sessions of one work with a MemoryStore of the other, both ways", async () => {
    const core = await copied<typeof import("../../mod.ts")>("mod.ts");
    const memory = await copied<typeof import("../../backends/memory.ts")>("backends/memory.ts");
    const ours = createSessions<Data>({ store: new memory.MemoryStore(), secrets });
    assert.deepEqual(await countToThree(ours), ["1", "2", "3"]);
    const theirs = core.createSessions<Data>({ store: new MemoryStore(), secrets });
    assert.deepEqual(await countToThree(theirs as unknown as typeof ours), ["1", "2", "3"]);
  });
});

describe("a store with a transport of its own", () => {
  const name = Symbol.for("sojourn.transport");

  it("is refused if the symbol names anything but a function", () => {
    for (const value of ["sessions in the cookie", 1, {}, null, undefined]) {
      const store = { [name]: value } as CarriedStore;
      assert.throws(() => createSessions({ store, secrets }), {
        name: "TypeError",
        message:
          /^createSessions: store must be a session store: received an object whose Symbol\.for\("sojourn\.transport"\) is not a method$/,
      });
    }
  });

  it("has its method called on itself, once for each sessions object", async () => {
    const calls: unknown[] = [];
    const inner = adoptDjango(new MemoryStore()) as Record<symbol, (context: unknown) => unknown>;
    class Store {
      readonly carries = "sessions";
      [name](context: unknown): unknown {
        calls.push(this);
        return inner[name]!(context);
      }
    }
    const store = new Store();
    assert.deepEqual(await countToThree(createSessions<Data>({ store, secrets })), ["1", "2", "3"]);
    createSessions({ store, secrets });
    assert.deepEqual(calls, [store, store]);
  });
});

describe("SessionError", () => {
  class Narrower extends SessionError {}

  it("knows its own errors, and a class that extends it only those", () => {
    const error = new SessionError("ERR_GONE", "gone");
    assert.ok(error instanceof SessionError);
    assert.ok(new Narrower("ERR_GONE", "gone") instanceof SessionError);
    assert.ok(new Narrower("ERR_GONE", "gone") instanceof Narrower);
    assert.ok(!(error instanceof Narrower));
    for (const value of [new Error("ERR_GONE"), { code: "ERR_GONE" }, null, undefined, "ERR_GONE"]) {
      assert.ok(!((value as unknown) instanceof SessionError));
    }
  });
});
