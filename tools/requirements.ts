/** What the library has to show before a release: the rows of its security and reliability bar, each in a few words. */

/** A row of the bar. */
export interface Requirement {
  /** Such as `SR-034`; the names of the tests that prove it carry this number. */
  readonly id: string;
  /** What it demands. */
  readonly demand: string;
  /** What of it is not met, or not here, and why. */
  readonly but?: string;
}

type Row = readonly [demand: string, but?: string];

const parts: readonly (readonly [title: string, rows: readonly Row[]])[] = [
  ["Identifier", [
    ["Ids are 192 random bits of the platform's generator"],
    ["Only ids the library made, only from the session cookie"],
    ["A value has the exact shape before anything sees it"],
    ["New records are inserted, never written over another"],
    ["Stores see a hash of the id, of no use as a cookie"],
    ["No timing oracle: look-up by hash, tags compared by the platform"],
  ]],
  ["Cookie: writing", [
    ["`__Host-`, `Secure`, `HttpOnly`, `SameSite=Lax`, no `Domain` by default"],
    ["Impossible or unsafe cookie options are refused at construction"],
    ["4096 bytes, 400 days: what a browser would drop is a typed error"],
    ["The clearing cookie repeats every attribute"],
    ["One `Set-Cookie` of ours; the handler's own stay as they are"],
    ["Any legal response survives: redirects, streams, upgrades, empty ones"],
    [
      "`Secure` is never inferred; plain http needs a switch and another name",
      "the switch is not refused in production: the library does not read the environment, and `secure: false` is explicit",
    ],
  ]],
  ["Cookie: reading", [
    ["The reading rules of RFC 6265bis; never throws, linear time"],
    ["A planted look-alike never stands in for the prefixed cookie"],
    ["Repeated names: order decides nothing, two live ones are refused"],
    [
      "Split `Cookie` fields are joined right, or the visitor is anonymous",
      "Bun has no server that speaks HTTP/2 without TLS; there it is tested over HTTP/1.1",
    ],
    ["Cookie names are data, never property names"],
  ]],
  ["Signing and encryption", [
    ["HMAC-SHA-256, whole tag, checked before anything is decoded"],
    ["AES-256-GCM, 96-bit IV, 128-bit tag, no other lengths"],
    ["With a key there is no second way in"],
    ["Random IVs under keys per salt: the limit of messages is out of reach"],
    ["Keys are apart by purpose, format and cookie name, and bound as additional data"],
    ["Weak, short and placeholder secrets are refused; there is no default"],
    [
      "Rotation: first makes, all check, a removed one is dead at once",
      "key ids and the reason `unknown-key` exist in sealed cookies only: `<id>.<tag>` has no room for one, and is tried with each secret",
    ],
    ["One value has one spelling"],
    ["Sealed cookies: both limits and the time of issue are inside"],
    ["Log-out ends a cookie-held session on the server too, or says it does not"],
    [
      "No compression: lengths tell nothing, there is no bomb",
      "there is no decompressor at all, so its limits have nothing to apply to",
    ],
  ]],
  ["Life of a session", [
    ["Nothing is made for who writes nothing"],
    ["Log-in and `cycleKey`: new id, same data, old id dead; log-in restarts both limits"],
    ["A rotation that fails leaves neither old id with new rights nor a dead cookie"],
    ["`flush` removes the record and clears the cookie; later writes start anew"],
    ["What was ended stays ended"],
    ["A touch changes the expiry only, and only of what exists"],
    ["A late answer neither clears nor replaces a newer cookie"],
    ["Idle and absolute limit, both on the server"],
    [
      "Expiry is decided at each read; clock steps revive and extend nothing",
      "a server-held record from the future is not refused, since one clock that is behind would log everybody out; its end holds. A sealed cookie is",
    ],
    ["Clearing removes expired records only, in bounded batches"],
    ["All sessions of a user can be listed and ended, or a store says it cannot"],
    ["A handler that throws or answers 500 saves nothing"],
  ]],
  ["Concurrency", [
    ["No lost update; bounded retries, then a typed refusal"],
    ["No session sees another's data; what is handed out is a copy"],
    ["Who has the answer finds what was written"],
  ]],
  ["Error policy", [
    ["Store down: 503 to who needs the session, nothing to the rest"],
    ["An error is never an empty session"],
    ["A failed save is never acknowledged"],
    [
      "A time limit for every store call; nothing piles up behind a hung one",
      "stores get no abort signal: a call whose client left ends by itself within the limit",
    ],
    ["An unknown outcome is a failure, and nothing is applied twice"],
    [
      "Damaged, swapped and newer records are told from missing ones, and kept",
      "a checksum binds each record to its key in SQLite, files, Redis and Deno KV, a seal in cookies; it tells damage, not malice",
    ],
  ]],
  ["Stores", [
    ["File: a save is whole and durable when acknowledged"],
    ["File: no id can form a path"],
    ["File: modes 0700 and 0600; planted links, fifos and folders are not followed"],
    ["File: a full or read-only disk is a typed error, leavings are cleaned"],
    ["SQLite: a busy or full database is a typed error, and the server runs on meanwhile"],
    ["SQLite: an acknowledged write survives a kill and, with FULL, a power loss"],
    ["SQLite: damage is a typed error; the file is never thrown away"],
    ["Deno KV: what is too large is refused before the call, counted in bytes"],
    ["Deno KV: every change is an atomic check-and-set; its expiry is only a broom"],
    ["Redis: outages, stalls and fail-overs are typed errors, and heal"],
    [
      "Redis: an answer never reaches the wrong caller",
      "the connection is the application's and is not cut; each answer says what it belongs to, and one that does not match is an error",
    ],
    ["Redis: eviction and flushing mean not found; no command looks at all keys"],
    [
      "Memory: bounded, least recently used out first, no timer",
      "it does not warn in production: the library prints nothing and does not read the environment; its documentation says it",
    ],
  ]],
  ["Load and abuse", [
    ["One limit of size and one of depth, for every store"],
    ["Floods: a shorter limit for anonymous sessions, no store call for forged cookies"],
  ]],
  ["Caching", [
    ["`Vary: Cookie` whenever the session was used"],
    ["Used answers are not for shared caches"],
  ]],
  ["Output hygiene", [
    ["Ids, secrets, cookies and data never show in logs, errors or inspection"],
    ["Every kind of rejected cookie gets the same answer"],
    ["Events for life cycle and attacks; a hook that fails harms nothing"],
  ]],
  ["Data", [
    ["What is accepted comes back equal; the rest is refused at `set`"],
    ["Hostile keys reach no prototype"],
    ["No write is lost in silence"],
    ["Records carry a format number; data never selects code"],
  ]],
  ["Package", [
    ["No timer, handle or rejection left; `close` lets running saves finish"],
    ["One behaviour on every runtime and store; the suite catches broken stores"],
  ]],
];

let number = 0;

/** The rows in their order, by part. */
export const requirements: readonly { readonly title: string; readonly rows: readonly Requirement[] }[] =
  parts.map(([title, rows]) => ({
    title,
    rows: rows.map(([demand, but]) => ({
      id: `SR-${String(++number).padStart(3, "0")}`,
      demand,
      ...(but === undefined ? {} : { but }),
    })),
  }));
