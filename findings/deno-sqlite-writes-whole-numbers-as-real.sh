#!/usr/bin/env bash
# Deno 2.9.6 and Bun 1.4.5 over one SQLite table: the whole number 42 in a TEXT column is "42.0" from Deno and "42" from Bun.
# Guess: both drivers bind a whole number as INTEGER. Seen: node:sqlite of Deno binds it as REAL, which the type of the column may hide.
# A user id that is kept as text and compared as text is two users, by who wrote the row.
set -euo pipefail
cd "$(mktemp -d)"
npm init -y >/dev/null && npm install --silent bun@1.4.5 deno@2.9.6
cat > run.mjs <<'JS'
const { Database, DatabaseSync = Database } = await import("Bun" in globalThis ? "bun:sqlite" : "node:sqlite");
const database = new DatabaseSync(":memory:");
database.exec("CREATE TABLE t (a TEXT, b INTEGER, c)");
database.prepare("INSERT INTO t VALUES (?, ?, ?)").run(42, 42, 42);
const row = database.prepare("SELECT a, typeof(b) AS b, typeof(c) AS c FROM t").get();
console.log(`${"Bun" in globalThis ? "Bun" : "Deno"}: ${JSON.stringify(row)}`);
JS
{ ./node_modules/.bin/bun run.mjs; ./node_modules/.bin/deno run -A run.mjs; } | tee seen
diff seen - <<'SEEN'
Bun: {"a":"42","b":"integer","c":"integer"}
Deno: {"a":"42.0","b":"integer","c":"real"}
SEEN
