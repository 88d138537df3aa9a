/** The program of docs/django.md that says who is logged in, as it stands there, beside a real Django site on PostgreSQL. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import postgres from "postgres";
import { sessionAuthHash } from "../../backends/django.ts";
import { type DatabaseServer, postgresFound, startPostgres } from "../support/django/databases.ts";
import { type DjangoSite, pythonHas, startDjango, Visitor } from "../support/django/real_site.ts";
import { listen, type LiveServer } from "../support/live_server.ts";
import { needs } from "../support/needs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const blocks = [...readFileSync(`${root}/docs/django.md`, "utf8").matchAll(/^```ts\n([^]*?)^```$/gm)];
const programs = blocks.map(([, code]) => code!).filter((code) => code.includes("DJANGO_SECRET"));

describe(
  "the program of docs/django.md",
  needs("postgresql, python3-django, python3-psycopg2", postgresFound && pythonHas("django", "psycopg2")),
  () => {
    let database: DatabaseServer;
    let site: DjangoSite;
    let ours: LiveServer;
    let folder: string;
    const older = "the key: before „this“";
    before(async () => {
      assert.equal(programs.length, 1);
      database = await startPostgres();
      site = await startDjango({ database: database.django });
      const [program] = programs;
      mkdirSync(`${root}/artifacts`, { recursive: true });
      folder = mkdtempSync(join(root, "artifacts/program-"));
      const file = join(folder, "program.ts");
      writeFileSync(file, program!);
      const { user, port, name } = database;
      Object.assign(process.env, {
        DJANGO_SECRET: `${site.secretKey}\n${older}`,
        DATABASE_URL: `postgres://${user}@127.0.0.1:${port}/${name}`,
      });
      const { default: server } = await import(pathToFileURL(file).href);
      ours = listen(server.fetch);
    });
    after(async () => {
      await ours?.[Symbol.asyncDispose]();
      await site?.[Symbol.asyncDispose]();
      delete process.env["DJANGO_SECRET"];
      delete process.env["DATABASE_URL"];
      if (database !== undefined) {
        // The program keeps its connection: the server would have it print a warning at its end
        const client = postgres({
          port: database.port,
          host: "127.0.0.1",
          user: database.user,
          database: database.name,
        });
        await client`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`;
        await client.end();
      }
      await database?.[Symbol.asyncDispose]();
      if (folder !== undefined) rmSync(folder, { recursive: true });
    });
    const visitor = () => new Visitor({ django: site.url, ours: ours.url });
    const greeting = async (one: Visitor) => {
      const response = await one.client.fetch("/ours/");
      return [response.status, await response.text()];
    };
    const stranger = [401, "log in first"];

    it("greets who logged in at Django, and nobody else", async () => {
      const one = visitor();
      assert.deepEqual(await greeting(one), stranger);
      await one.django(["set", "cart", ["Grüße"]]);
      assert.deepEqual(await greeting(one), stranger);
      assert.notEqual(one.key, undefined, "an anonymous session stays");
      await one.django(["login", "ada"]);
      assert.deepEqual(await greeting(one), [200, "hello, ada"]);
      assert.deepEqual(await one.django(["get", "cart"], ["who"]), [["Grüße"], "ada"]);
    });

    it("a password that was changed elsewhere ends the session, for Django too", async () => {
      const [one, other] = [visitor(), visitor()];
      for (const each of [one, other]) await each.django(["login", "grace"], ["set", "cart", [1]]);
      await other.django(["password", "another"]);
      assert.deepEqual(await greeting(one), stranger);
      assert.equal(one.key, undefined);
      assert.deepEqual(await greeting(other), [200, "hello, grace"]);
    });

    it("a hash made with an older secret key is good, and made anew under a new key", async () => {
      const one = visitor();
      const [{ password }] = await one.django(["user", "ada"]);
      await one.django(["login", "ada"], ["set", "cart", [1]]);
      await one.django(["set", "_auth_user_hash", await sessionAuthHash(password, older)]);
      const { key } = one;
      assert.deepEqual(await greeting(one), [200, "hello, ada"]);
      assert.notEqual(one.key, key);
      assert.deepEqual(await one.django(["who"], ["get", "cart"]), ["ada", [1]], "who has no fallbacks");
      const renewed = one.key;
      assert.deepEqual(await greeting(one), [200, "hello, ada"]);
      assert.equal(one.key, renewed);
    });
  },
);
