import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));
const onDeno = "Deno" in globalThis ? {} : { skip: "not on this runtime: built-in OpenTelemetry" };

interface Span {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number };
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
  readonly events: readonly { readonly name: string }[];
}

interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

describe("SR-070 Deno's OpenTelemetry", onDeno, () => {
  let collector: Server;
  const received: string[] = [];
  const told: { answers: string[]; id: string } = { answers: [], id: "" };
  let spans: Span[] = [];

  before(async () => {
    collector = createServer(async (request, response) => {
      let body = "";
      for await (const part of request.setEncoding("utf8")) body += part;
      if (request.url === "/v1/traces") received.push(body);
      response.setHeader("content-type", "application/json").end("{}");
    });
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
    const { port } = collector.address() as AddressInfo;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["run", "-A", "--no-check", "tests/support/tracing_server.ts"],
      {
        cwd: root,
        env: {
          ...process.env,
          OTEL_DENO: "true",
          OTEL_DENO_CONSOLE: "ignore",
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
          OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        },
      },
    );
    Object.assign(told, JSON.parse(stdout));
    spans = received.flatMap((text) => (JSON.parse(text) as Export).resourceSpans)
      .flatMap(({ scopeSpans }) => scopeSpans).flatMap(({ spans }) => spans)
      .toSorted((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)));
  });

  after(() => new Promise((resolve) => collector.close(resolve)));

  const attribute = (span: Span, key: string) =>
    span.attributes.find((one) => one.key === key)?.value.stringValue;
  const ofSessions = () => spans.filter(({ name }) => name.startsWith("session "));
  const servers = () => spans.filter(({ kind }) => kind === 2);

  it("gets a span for each load and save, with what it was and for how long", () => {
    assert.deepEqual(told.answers, ["1", "2"]);
    assert.deepEqual(ofSessions().map(({ name }) => name), [
      "session create",
      "session load",
      "session save",
      "session load",
    ]);
    const tags = new Set(ofSessions().map((span) => attribute(span, "session.tag")));
    assert.equal(tags.size, 1);
    assert.match([...tags][0]!, /^[0-9a-f]{8}$/);
    for (const span of ofSessions()) {
      assert.equal(`session ${attribute(span, "db.operation.name")}`, span.name);
      assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
    }
  });

  it("gets them as children of the request's span", () => {
    const requests = servers();
    assert.equal(requests.length, 3);
    const parents = ofSessions().map(({ parentSpanId }) =>
      requests.findIndex(({ spanId }) => spanId === parentSpanId)
    );
    assert.deepEqual(parents, [0, 1, 1, 2]);
  });

  it("gets events on the request's span, and failures as errors", () => {
    assert.deepEqual(servers().map(({ events }) => events.map(({ name }) => name)), [
      ["session created"],
      [],
      ["session store-error"],
    ]);
    assert.deepEqual(ofSessions().map(({ status }) => status.code), [0, 0, 0, 2]);
    assert.equal(attribute(ofSessions().at(-1)!, "error.type"), "ERR_STORE");
  });

  it("gets no id, no cookie and no data", () => {
    assert.match(told.id, /^[\w-]{32}\.[\w-]{43}$/);
    for (const text of [told.id, told.id.slice(0, 32), told.id.slice(33), "visits", "down with"]) {
      assert.ok(received.length > 0 && received.every((body) => !body.includes(text)), text);
    }
  });
});

describe("docs/tracing.md", () => {
  it("shows examples/tracing.ts as it is", () => {
    const read = (path: string) => readFileSync(`${root}/${path}`, "utf8");
    const program = read("examples/tracing.ts").replace(/^\/\*\*[^]*?\*\/\n\n/, "");
    assert.ok(read("docs/tracing.md").includes(`\`\`\`ts\n${program}\`\`\``));
  });
});
