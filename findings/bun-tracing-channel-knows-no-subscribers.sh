#!/usr/bin/env bash
# Bun 1.4.5: `tracingChannel(name).hasSubscribers` is undefined, with subscribers and without; on Node and Deno (2.9.6) it is a boolean.
# Guess: the one property that says whether tracing a store call is worth anything is there wherever `node:diagnostics_channel` is. Seen: on Bun
# code that skips the work while it is false skips it always. Each of the five channels has the property, so these have to be asked.
set -euo pipefail
cd "$(mktemp -d)"
npm init -y >/dev/null && npm install --silent bun@1.4.5 deno@2.9.6
cat > run.mjs <<'JS'
import { channel, tracingChannel } from "node:diagnostics_channel";
const store = tracingChannel("store");
const before = store.hasSubscribers;
channel("tracing:store:start").subscribe(() => {});
console.log(String(before), String(store.hasSubscribers), store.start.hasSubscribers);
JS
for run in ./node_modules/.bin/bun "./node_modules/.bin/deno run -A"; do $run run.mjs; done | tee seen
diff seen - <<'SEEN'
undefined undefined true
false true true
SEEN
