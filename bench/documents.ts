/** The tables that documents can ask for, and how they get into them. */

import { goalTable } from "./goals.ts";
import * as requests from "./request_tables.ts";
import type { Parts, Results } from "./results.ts";
import * as stores from "./store_tables.ts";

/** What a document can ask for, by the name in `<!-- bench:NAME -->`, and the part that it is from. */
export const tables: Readonly<Record<string, readonly [keyof Parts, (results: Results) => string]>> = {
  goals: ["http", goalTable],
  "http-bun": ["http", (results) => requests.overHttp(results, "bun")],
  "http-deno": ["http", (results) => requests.overHttp(results, "deno")],
  "process-bun": ["process", (results) => requests.inProcess(results, "bun")],
  "process-deno": ["process", (results) => requests.inProcess(results, "deno")],
  rivals: ["process", requests.rivals],
  "half-load": ["half-load", requests.halfLoad],
  heap: ["heap", requests.heap],
  serialization: ["serialization", requests.serialization],
  stores: ["stores", stores.latencies],
  methods: ["stores", stores.methods],
  sizes: ["stores", stores.sizes],
  many: ["stores", stores.many],
  lists: ["lists", stores.lists],
  clearing: ["housekeeping", stores.clearing],
};

/** Everything between `<!-- bench:NAME -->` and `<!-- /bench -->`. @throws {Error} If a name is unknown, or a block has no end. */
export function fill(path: string, text: string, results: Results): string {
  let blocks = 0;
  const filled = text.replace(
    /(<!-- bench:([\w-]+) -->\n)((?!<!-- bench:)[\s\S])*?(<!-- \/bench -->)/g,
    (_all, start: string, name: string, _old: string, end: string) => {
      const found = tables[name];
      if (found === undefined) throw new Error(`${path} asks for an unknown table: ${name}`);
      blocks++;
      const [part, table] = found;
      const rows = table(results);
      return `${start}\n${
        rows === "" ? "Not measured yet." : `${rows}\n\n${results.origin(part)}`
      }\n\n${end}`;
    },
  );
  const asked = text.split("<!-- bench:").length - 1;
  if (asked !== blocks) throw new Error(`${path} asks for ${asked} tables, and has room for ${blocks}`);
  return filled;
}
