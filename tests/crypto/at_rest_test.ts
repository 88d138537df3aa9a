import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { SqliteStore } from "../../backends/sqlite.ts";
import { createSessions } from "../../mod.ts";
import { storageKey } from "../../src/crypto/session_id.ts";
import { begin, makeSite, secret, tokenOf } from "../support/identity_rig.ts";

const idOf = (token: string) => token.slice(0, 32);
const text = JSON.stringify;

describe("what a store sees", () => {
  const spellings = (id: string) => {
    const raw = Buffer.from(id, "base64url");
    const ascii = Buffer.from(id);
    const forms = [ascii, raw];
    for (const bytes of [raw, ascii]) {
      for (const form of ["hex", "base64", "base64url"] as const) {
        forms.push(Buffer.from(bytes.toString(form)));
      }
      forms.push(Buffer.from(bytes.toString("hex").toUpperCase()));
    }
    return forms;
  };

  it("SR-005 no id, nor half of one, in any spelling reaches a store, through the whole life of a session", async () => {
    const site = makeSite();
    const ids: string[] = [];
    for (let i = 0; i < 25; i++) {
      let token = await begin(site, "a");
      ids.push(idOf(token));
      token = tokenOf(await site.visit(`__Host-sid=${token}`, (session) => session.login(`user ${i}`)));
      ids.push(idOf(token));
      site.clock.now += 7_200_000;
      await site.visit(`__Host-sid=${token}`);
      await site.sessions.list(`user ${i}`);
      if (i % 2 === 0) await site.visit(`__Host-sid=${token}`, (session) => session.flush());
    }
    assert.ok(
      site.store.count("touch") > 0 && site.store.count("save") > 0 && site.store.count("delete") > 0,
    );
    const dump = Buffer.from(text(site.store.calls));
    for (const id of ids) {
      for (const half of [id, id.slice(0, 16), id.slice(16)]) {
        for (const form of spellings(half)) assert.ok(!dump.includes(form));
      }
    }
    for (const { method, args } of site.store.calls) {
      const keys = method === "list" ? [] : args.slice(0, 1);
      for (const key of keys) assert.match(String(key), /^[0-9a-f]{64}$/);
    }
  });

  it("SR-005 neither the database file nor its write-ahead log holds an id", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sojourn-ids-"));
    try {
      const store = await SqliteStore.open(join(folder, "sessions.db"));
      const sessions = createSessions({ store, secrets: [secret(1)] });
      const ids = await Promise.all(Array.from({ length: 100 }, async (_, i) => {
        const session = await sessions.open();
        session.set("mark", `neighbour ${i}`);
        await session.save();
        return session.id!;
      }));
      const dump = () =>
        Buffer.concat(
          readdirSync(folder).sort().flatMap((name) => [Buffer.from(name), readFileSync(join(folder, name))]),
        );
      const open = dump();
      await sessions.close();
      for (const bytes of [open, dump()]) {
        assert.ok(bytes.includes("neighbour 99"), "the dump holds the sessions");
        for (const id of ids) {
          for (const half of [id, id.slice(0, 16), id.slice(16)]) {
            for (const form of spellings(half)) assert.ok(!bytes.includes(form));
          }
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("SR-005 neither a storage key nor a handle works as a cookie or as an id", async () => {
    const site = makeSite();
    const token = tokenOf(
      await site.visit(undefined, (session) => {
        session.login("ada");
        session.set("mark", "victim");
      }),
    );
    const [info] = await site.sessions.list("ada");
    const { handle } = info!;
    const tag = token.slice(33);
    const raw = Buffer.from(handle, "hex").toString("base64url");
    for (
      const value of [
        handle,
        `${handle}.${tag}`,
        `${handle.slice(0, 32)}.${tag}`,
        raw,
        `${raw.slice(0, 32)}.${tag}`,
      ]
    ) {
      assert.equal(await (await site.visit(`__Host-sid=${value}`)).text(), "anonymous");
      assert.equal((await site.sessions.open(value)).id, undefined);
    }
  });

  it("SR-005 the storage key is a hash with a domain of its own, and one way only", async () => {
    const id = "A".repeat(32);
    const key = await storageKey(id);
    assert.match(key, /^[0-9a-f]{64}$/);
    for (const bare of [Buffer.from(id), Buffer.from(id, "base64url")]) {
      assert.notEqual(key, createHash("sha256").update(bare).digest("hex"));
    }
    assert.notEqual(key, await storageKey("B".repeat(32)));
  });
});
