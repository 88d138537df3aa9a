/** Django's middleware matrix (section 2.7 of the specification): every row that can be asked for here, with both engines. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Changes,
  cookieOf,
  DjangoSite,
  type EngineName,
  sign,
  varies,
  type Work,
} from "../support/django/site.ts";

type Column = "none" | "live" | "stale" | "short" | "empty";
/** `set`: the cookie is set; `same` and `new` say with which key; `delete`: it is deleted; `V`: the answer varies on it. */
type Cell = string;

interface Row {
  readonly ids: string;
  readonly what: string;
  readonly work: Work | undefined;
  readonly status?: number;
  readonly changes?: Changes;
  readonly cells: Partial<Record<Column, Cell>>;
  /** Where `signed_cookies` differs. */
  readonly signed?: Partial<Record<Column, Cell>>;
}

const write: Work = (session) => session.set("n", 1);
const flush: Work = async (session) => {
  session.set("n", 1);
  await session.flush();
};

const rows: readonly Row[] = [
  {
    ids: "DX-065 DX-066",
    what: "untouched",
    work: undefined,
    cells: { none: "-", live: "-", stale: "-", short: "delete V", empty: "delete V" },
  },
  {
    ids: "DX-065",
    what: "awaited and not touched",
    work: () => {},
    cells: { none: "-", live: "-", stale: "-", short: "delete V", empty: "delete V" },
  },
  {
    ids: "DX-067 DX-068 DX-069",
    what: "read",
    work: (session) => session.get("color"),
    cells: { none: "V", live: "V", stale: "delete V", short: "delete V", empty: "delete V" },
    signed: { stale: "new {} V" },
  },
  {
    ids: "DX-070 DX-071",
    what: "written",
    work: write,
    cells: {
      none: 'new {"n":1} V',
      live: 'same {"color":"blue","n":1} V',
      stale: 'new {"n":1} V',
      short: 'new {"n":1} V',
    },
  },
  {
    ids: "DX-072",
    what: "written, 404",
    work: write,
    status: 404,
    cells: {
      none: 'new {"n":1} V',
      live: 'same {"color":"blue","n":1} V',
      stale: 'new {"n":1} V',
      short: 'new {"n":1} V',
    },
  },
  {
    ids: "DX-072 DJ-064",
    what: "written, 500",
    work: write,
    status: 500,
    cells: { none: "V", live: "V", stale: "V", short: "V" },
  },
  {
    ids: "DX-072 DJ-065",
    what: "written, 503",
    work: write,
    status: 503,
    cells: { none: "V", live: "V", stale: "V", short: "V" },
  },
  {
    ids: "DX-073 DJ-067 DJ-069",
    what: "flushed",
    work: flush,
    cells: { none: "V", live: "delete gone V", stale: "delete V", short: "delete V" },
  },
  {
    ids: "DX-073",
    what: "flushed, 500",
    work: flush,
    status: 500,
    cells: { none: "V", live: "delete gone V", stale: "delete V", short: "delete V" },
  },
  {
    // Awaiting the session loads it, so a stale one is known to be none before it is cleared: no SessionInterrupted.
    ids: "DX-074 DX-075",
    what: "cleared",
    work: (session) => session.clear(),
    cells: { none: "V", live: "same {} V", stale: "delete V", short: "delete V" },
    signed: { stale: "new {} V" },
  },
  {
    ids: "DX-078 DX-016 DX-017",
    what: "key cycled",
    work: (session) => session.cycleKey(),
    cells: { none: "new {} V", live: 'new {"color":"blue"} gone V', stale: "new {} V", short: "new {} V" },
  },
  {
    // Better than Django: the key is cycled with the save, so a 500 leaves the visitor's session as it was.
    ids: "DX-079",
    what: "key cycled, 500",
    work: (session) => session.cycleKey(),
    status: 500,
    cells: { none: "V", live: "V", stale: "V", short: "V" },
  },
  {
    ids: "DX-081 DJ-070",
    what: "every key deleted",
    work: (session) => {
      for (const key of [...session.keys()]) session.delete(key);
    },
    cells: { none: "V", live: "same {} V", stale: "delete V", short: "delete V" },
    signed: { stale: "new {} V" },
  },
  {
    ids: "DX-080",
    what: "assigned nothing, and popped what is not there",
    work: (session) => {
      session.assign({});
      session.pop("absent", 1);
    },
    cells: { none: "V" },
  },
  {
    ids: "DX-082 DX-083 DX-084",
    what: "untouched, save every request",
    work: undefined,
    changes: { sessionSaveEveryRequest: true },
    cells: { none: "-", live: 'same {"color":"blue"} V', stale: "new {} V", short: "delete V" },
  },
  {
    ids: "DX-082 DX-085",
    what: "read, save every request",
    work: (session) => session.get("color"),
    changes: { sessionSaveEveryRequest: true },
    cells: { none: "V", live: 'same {"color":"blue"} V', stale: "delete V", short: "delete V" },
    signed: { stale: "new {} V" },
  },
];

/** What became of a request, in the words of a cell. */
async function outcome(engine: EngineName, column: Column, row: Row): Promise<{ got: Cell; rows: number }> {
  const { work, status = 200, changes = {} } = row;
  const site = new DjangoSite(changes, engine);
  const live = await site.begin();
  site.clock.now += 1000;
  const stale = engine === "db" ? "stale".repeat(6) : (await sign('{"a":1}', { engine, key: "other" }));
  const sent = { none: undefined, live, stale, short: "1234567", empty: "" }[column];
  const before = site.rows;
  const answer = await site.visit(
    work && (async (session, request) => {
      await work(session, request);
      return new Response("seen", { status });
    }),
    sent,
  );
  assert.equal(answer.status, work ? status : 200);
  const cookie = cookieOf(answer);
  const words: string[] = [];
  if (cookie?.isCleared) words.push("delete");
  else if (cookie !== undefined) {
    // The key of signed_cookies is newly signed data each time.
    words.push(engine === "signed_cookies" ? "signed" : cookie.value === sent ? "same" : "new");
    assert.notEqual(cookie.value, stale);
    const json = engine === "db"
      ? await site.json(cookie.value)
      : await site.see((session) => JSON.stringify(session.toObject()), cookie.value);
    words.push(json!);
  }
  if (engine === "db" && column === "live" && site.row(live) === undefined) words.push("gone");
  if (varies(answer)) words.push("V");
  return { got: words.join(" ") || "-", rows: site.rows - before };
}

for (const engine of ["db", "signed_cookies"] as const) {
  describe(`the middleware matrix, ${engine}`, () => {
    for (const row of rows) {
      for (const [column, cell] of Object.entries(row.cells) as [Column, Cell][]) {
        it(`${row.ids} ${row.what}; ${column} cookie`, async () => {
          const wanted = engine === "db"
            ? cell
            : (row.signed?.[column] ?? cell).replace(/^(same|new)/, "signed").replace(" gone", "");
          const { got, rows } = await outcome(engine, column, row);
          assert.equal(got, wanted);
          const made = engine === "db" ? Number(got.startsWith("new")) - Number(got.includes("gone")) : 0;
          assert.equal(rows, made, "rows made or removed");
        });
      }
    }
  });
}
