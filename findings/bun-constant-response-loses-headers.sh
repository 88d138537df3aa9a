#!/usr/bin/env bash
# Bun 1.4.5: a Response that is kept as a constant has no headers of its own any more once it was sent.
# Guess: a redirect made once can be given to every visitor, as the object is only read. Seen: the second visitor gets 302 without Location.
# A session layer that puts a cookie on such a constant has to keep the headers of before.
set -euo pipefail
cd "$(mktemp -d)"
npm init -y >/dev/null && npm install --silent bun@1.4.5
cat > run.js <<'JS'
const always = Response.redirect("http://127.0.0.1/elsewhere", 302);
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => always });
for (const visitor of ["first", "second"]) {
  const answer = await fetch(server.url, { redirect: "manual" });
  console.log(`${visitor}: ${answer.status}, location ${answer.headers.get("location")}`);
}
server.stop(true);
JS
./node_modules/.bin/bun run.js | tee seen
diff seen - <<'SEEN'
first: 302, location http://127.0.0.1/elsewhere
second: 302, location null
SEEN
