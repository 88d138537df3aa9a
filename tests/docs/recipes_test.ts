/** The recipes in examples/ do what they say: with the real frameworks, on real servers, on both runtimes. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import "../../examples/app_test.ts";
import jobs from "../../examples/jobs.ts";
import events from "../../examples/server_sent_events.ts";
import streaming from "../../examples/streaming.ts";
import { SessionClient } from "../../src/testing.ts";
import { isBun, listen } from "../support/live_server.ts";
import { start, visit } from "../support/recipes_rig.ts";

const onDeno = isBun ? { skip: "not on this runtime: Deno.serve" } : {};
const onBun = isBun ? {} : { skip: "not on this runtime: Bun.serve" };
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const examples = readdirSync(new URL("../../examples", import.meta.url)).filter((name) =>
  name.endsWith(".ts")
)
  .sort();

describe("recipes with a framework", () => {
  for (const name of ["hono", "elysia", "h3", "oak", "ctx_state", "react_router"]) {
    it(`${name}: visits are counted, a log-in changes the id, a log-out ends the session`, async () => {
      const { default: server } = await import(`../../examples/${name}.ts`);
      await using running = listen(server.fetch);
      await visit(running.url);
    });
  }

  it("an example starts as its first line says", async () => {
    await using program = await start("serve", "hono");
    await visit(program.url);
  });
});

describe("recipes without a framework", () => {
  it("Deno.serve", onDeno, async () => {
    await using program = await start("run", "deno_serve");
    await visit(program.url);
    const answer = await fetch(`${program.url}hello/ada`);
    assert.equal(await answer.text(), "Hello ada from 127.0.0.1");
    assert.equal(answer.headers.get("vary"), null);
  });

  it("Bun.serve with routes", onBun, async () => {
    await using program = await start("run", "bun_serve");
    await visit(program.url);
    const answer = await fetch(`${program.url}hello/ada`);
    assert.equal(await answer.text(), "Hello ada");
    assert.equal(answer.headers.get("vary"), null);
  });

  it("server-sent events tell what other requests do, and end with the log-out", async () => {
    await using running = listen(events.fetch);
    const client = new SessionClient(running.url);
    await (await client.fetch("/")).text();
    const stream = await client.fetch("/events");
    assert.equal(stream.headers.get("content-type"), "text/event-stream");
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    let seen = "";
    const until = async (wanted: string) => {
      while (!seen.includes(wanted)) {
        const { value, done } = await reader.read();
        if (done) return;
        seen += value.replaceAll(":\n\n", "");
      }
    };
    await until("data: 1\n\n");
    await (await client.fetch("/")).text();
    await until("data: 2\n\n");
    await (await client.fetch("/logout")).text();
    await until("never said");
    assert.equal(seen, "data: 1\n\ndata: 2\n\nevent: end\ndata: logged out\n\n");
  });

  it("a stream notes its end in the session", async () => {
    await using running = listen(streaming.fetch);
    const client = new SessionClient(running.url);
    for (const count of [1, 2]) {
      const report = await (await client.fetch("/report")).text();
      assert.equal(report.split("\n").length, 1001);
      assert.equal(await (await client.fetch("/")).text(), `${count} downloads`);
    }
  });

  it("a job writes its result when the answer has left", async () => {
    await using running = listen(jobs.fetch);
    const client = new SessionClient(running.url);
    const look = async () => await (await client.fetch("/")).text();
    assert.equal(await look(), "none");
    const begun = await client.fetch("/", { method: "POST" });
    assert.equal(begun.status, 202);
    await begun.text();
    let seen: string;
    do seen = await look(); while (seen === "under way");
    assert.equal(seen, "42 pages");
  });
});

describe("the recipes themselves", () => {
  const programs = ["demo.ts", "tracing.ts"]; // longer, and tested on their own

  it("none is over 40 lines", () => {
    const long = examples.filter((name) => !programs.includes(name))
      .filter((name) => read(`examples/${name}`).split("\n").length > 41);
    assert.deepEqual(long, []);
  });

  it("docs/recipes.md links to each", () => {
    const links = [...read("docs/recipes.md").matchAll(/\]\(\.\.\/examples\/([\w.]+)\)/g)].map(([, name]) =>
      name
    );
    assert.deepEqual([...new Set(links)].sort(), examples);
  });
});
