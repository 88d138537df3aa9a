#!/usr/bin/env bash
# Bun 1.4.5: with `development: false` a second server on a port that is taken starts without an error, and the two share the requests.
# Guess: `development` is about pages of errors. Seen: it also turns on the sharing of ports, so a program that is started twice looks well,
# and every second log-in goes to the other one's memory. `reusePort: false` brings the error back.
set -euo pipefail
cd "$(mktemp -d)"
npm init -y >/dev/null && npm install --silent bun@1.4.5
cat > run.js <<'JS'
for (const options of [{ development: true }, { development: false }, { development: false, reusePort: false }]) {
  const serve = (port) => Bun.serve({ port, hostname: "127.0.0.1", fetch: () => new Response(), ...options });
  const first = serve(0);
  let said = "no error";
  try {
    serve(first.port).stop(true);
  } catch (error) {
    said = error.code;
  }
  console.log(`${JSON.stringify(options)}: ${said}`);
  first.stop(true);
}
JS
./node_modules/.bin/bun run.js | tee seen
diff seen - <<'SEEN'
{"development":true}: EADDRINUSE
{"development":false}: no error
{"development":false,"reusePort":false}: EADDRINUSE
SEEN
