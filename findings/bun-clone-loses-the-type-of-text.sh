#!/usr/bin/env bash
# Bun 1.4.5: a clone of a text response is sent as application/octet-stream if the text has one character beyond ASCII.
# Guess: a clone is sent as what it was made from. Seen: for ASCII it is; for "Gruß" a browser offers a download.
# A layer that clones a response before it adds a cookie changes what the visitor sees.
set -euo pipefail
cd "$(mktemp -d)"
npm init -y >/dev/null && npm install --silent bun@1.4.5
cat > run.js <<'JS'
for (const text of ["Gruss", "Gruß"]) {
  for (const make of [() => new Response(text), () => new Response(text).clone()]) {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: make });
    console.log(`${text}, ${make}: ${(await fetch(server.url)).headers.get("content-type")}`);
    server.stop(true);
  }
}
JS
./node_modules/.bin/bun run.js | tee seen
diff seen - <<'SEEN'
Gruss, () => new Response(text): text/plain;charset=utf-8
Gruss, () => new Response(text).clone(): text/plain;charset=utf-8
Gruß, () => new Response(text): text/plain;charset=utf-8
Gruß, () => new Response(text).clone(): application/octet-stream
SEEN
