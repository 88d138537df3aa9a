/**
 * The physical limits: the handler alone, and the same cookie, look-up, JSON and response headers written out in the handler with no
 * library at all.
 */

import { connectRedis } from "./clients.ts";
import { type Data, everywhere, firstData, type Handler, type Opened, type Subject } from "./subject.ts";
import { openSqlite } from "./clients.ts";

const name = "__Host-sid=";
const idLength = 76;
const life = 1_209_600;
const tail = `; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${life}`;

/** The session's cookie, by one scan. */
function carried(request: Request): string | undefined {
  const header = request.headers.get("cookie");
  if (header === null) return undefined;
  const at = header.indexOf(name);
  if (at < 0) return undefined;
  const end = header.indexOf(";", at);
  return header.slice(at + name.length, end < 0 ? undefined : end);
}

/** A response made from a session, which no cache may share. */
function answer(data: Data): Response {
  const response = new Response(data.name);
  response.headers.append("vary", "Cookie");
  response.headers.append("cache-control", "private, no-cache");
  return response;
}

function answerWith(cookie: string, data: Data): Response {
  const response = answer(data);
  response.headers.append("set-cookie", name + cookie + tail);
  return response;
}

const newId = () => crypto.getRandomValues(new Uint8Array(57)).toBase64({ alphabet: "base64url" });
const bareHandler: Handler = () => new Response("ok");

/** What a hand-written store does. Text and end in one value, as in ours. */
interface HandStore {
  /** The text, if it has not expired. */
  read(id: string): string | undefined;
  write(id: string, text: string): void;
  create(id: string, text: string): void;
}

/** R and W over a store that returns immediately. */
function handlersOver(store: HandStore): Opened["handlers"] {
  const begin = () => {
    const [id, data] = [newId(), firstData()];
    store.create(id, JSON.stringify(data));
    return answerWith(id, data);
  };
  return {
    N: bareHandler,
    R(request) {
      const id = carried(request);
      const text = id?.length === idLength ? store.read(id) : undefined;
      return text === undefined ? begin() : answer(JSON.parse(text));
    },
    W(request) {
      const id = carried(request);
      const text = id?.length === idLength ? store.read(id) : undefined;
      if (text === undefined) return begin();
      const data: Data = JSON.parse(text);
      data.visits++;
      store.write(id!, JSON.stringify(data));
      return answer(data);
    },
  };
}

const memory: Subject = {
  name: "by hand, Map",
  kind: "limit",
  keeps: "memory",
  open() {
    const records = new Map<string, { text: string; expires: number }>();
    return {
      handlers: handlersOver({
        read(id) {
          const found = records.get(id);
          return found !== undefined && found.expires > Date.now() ? found.text : undefined;
        },
        write: (id, text) => void (records.get(id)!.text = text),
        create: (id, text) => void records.set(id, { text, expires: Date.now() + life * 1000 }),
      }),
    };
  },
};

function sqlite(synchronous: "FULL" | "NORMAL"): Subject {
  return {
    name: `by hand, SQLite ${synchronous}, autocommit`,
    kind: "limit",
    keeps: "SQLite",
    async open({ path }) {
      const database = await openSqlite(path(), synchronous);
      database.exec(
        "CREATE TABLE session (key TEXT PRIMARY KEY, data TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID",
      );
      database.exec("CREATE INDEX session_expires ON session (expires_at)");
      const select = database.prepare("SELECT data FROM session WHERE key = ? AND expires_at > ?");
      const update = database.prepare("UPDATE session SET data = ? WHERE key = ?");
      const insert = database.prepare("INSERT INTO session (key, data, expires_at) VALUES (?, ?, ?)");
      return {
        handlers: handlersOver({
          read: (id) => (select.get(id, Date.now()) as { data: string } | undefined | null)?.data,
          write: (id, text) => void update.run(text, id),
          create: (id, text) => void insert.run(id, text, Date.now() + life * 1000),
        }),
        close: () => database.close(),
      };
    },
  };
}

const redis: Subject = {
  name: "by hand, Redis",
  kind: "limit",
  keeps: "Redis",
  async open({ redisPort }) {
    const { send, close } = await connectRedis(redisPort!);
    const handler = (isWriting: boolean): Handler => async (request) => {
      const id = carried(request);
      const text = id?.length === idLength ? await send("GET", [`hand:${id}`]) as string | null : null;
      if (text === null) {
        const [id, data] = [newId(), firstData()];
        await send("SET", [`hand:${id}`, JSON.stringify(data), "EX", String(life)]);
        return answerWith(id, data);
      }
      const data: Data = JSON.parse(text);
      if (isWriting) {
        data.visits++;
        await send("SET", [`hand:${id}`, JSON.stringify(data), "EX", String(life)]);
      }
      return answer(data);
    };
    return { handlers: { N: bareHandler, R: handler(false), W: handler(true) }, close };
  },
};

/** AES-GCM by WebCrypto under one key that is made once; a cookie that was seen before is not opened again. */
function sealed(isRemembering: boolean): Subject {
  return {
    name: `by hand, sealed cookie, ${isRemembering ? "seen" : "never seen"}`,
    kind: "limit",
    keeps: "cookie",
    ...(isRemembering ? {} : { visitors: 4096, inProcessOnly: true }),
    async open() {
      const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
        "encrypt",
        "decrypt",
      ]);
      const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];
      const seen = new Map<string, string>();
      const remember = (cookie: string, text: string) => {
        if (!isRemembering) return;
        if (seen.size >= 4096) seen.clear();
        seen.set(cookie, text);
      };
      const close = async (data: Data) => {
        const text = JSON.stringify({ expires: Date.now() + life * 1000, data });
        const iv = crypto.getRandomValues(new Uint8Array(12));
        const bytes = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, encoder.encode(text));
        const token = new Uint8Array(12 + bytes.byteLength);
        token.set(iv);
        token.set(new Uint8Array(bytes), 12);
        const cookie = token.toBase64({ alphabet: "base64url", omitPadding: true });
        remember(cookie, text);
        return answerWith(cookie, data);
      };
      const open = async (cookie: string) => {
        const token = Uint8Array.fromBase64(cookie, { alphabet: "base64url" });
        const iv = token.subarray(0, 12);
        const text = decoder.decode(
          await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, token.subarray(12)),
        );
        remember(cookie, text);
        return text;
      };
      const handler = (goOn: (data: Data) => Response | Promise<Response>): Handler => {
        const read = (text: string) => {
          const { expires, data } = JSON.parse(text);
          return expires > Date.now() ? goOn(data) : close(firstData());
        };
        return (request) => {
          const cookie = carried(request);
          if (cookie === undefined) return close(firstData());
          const text = seen.get(cookie);
          return text === undefined ? open(cookie).then(read) : read(text);
        };
      };
      const W = handler((data) => {
        data.visits++;
        return close(data);
      });
      return { handlers: { N: bareHandler, R: handler(answer), W } };
    },
  };
}

/** The handlers that all others are compared with, and the limits. */
export function byHand(redisPort: number | undefined): Subject[] {
  return [
    { name: "bare", kind: "bare", open: () => ({ handlers: everywhere(bareHandler) }) },
    {
      name: "bare async",
      kind: "bare",
      inProcessOnly: true,
      // deno-lint-ignore require-await -- the point is the promise
      open: () => ({ handlers: everywhere(async () => new Response("ok")) }),
    },
    ...[
      memory,
      sqlite("NORMAL"),
      sqlite("FULL"),
      { ...redis, absent: redisPort === undefined ? "redis-server is not installed" : undefined },
      sealed(true),
      sealed(false),
    ].map((one) => ({ ...one, only: ["R", "W"] as const })),
  ];
}
