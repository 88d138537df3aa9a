/**
 * Types that people rely on. `deno check` is what tests them: every `@ts-expect-error` must stand over an error. Nothing
 * of it runs; the one test only makes sure that the file loads on both runtimes.
 */

import { type } from "arktype";
import assert from "node:assert/strict";
import { it } from "node:test";
import * as v from "valibot";
import { z } from "zod";
import { MemoryStore } from "../../backends/memory.ts";
import {
  type CookieOptions,
  createSessions,
  type Session,
  type SessionData,
  SessionError,
  type SessionErrorCode,
  type SessionInfo,
  type Sessions,
  type SessionStore,
} from "../../mod.ts";
import { secrets } from "../support/fault_rig.ts";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
/** Compiles only for `true`. */
function expect<T extends true>(_?: T): void {}

interface Data {
  visits: number;
  cart: { items: string[] };
  theme?: "light" | "dark";
  note: string | null;
}

const store = new MemoryStore();
const made = () => createSessions<Data>({ store, secrets });

export async function typedKeysAndValues(session: Session<Data>): Promise<void> {
  expect<Same<ReturnType<typeof session.get<"visits">>, number | undefined>>();
  const visits = session.get("visits");
  expect<Same<typeof visits, number | undefined>>();
  const fallback = session.get("visits", 0);
  expect<Same<typeof fallback, number>>();
  const other = session.get("visits", "none");
  expect<Same<typeof other, number | "none">>();
  const note = session.get("note", "");
  expect<Same<typeof note, string | null>>();
  const theme = session.get("theme");
  expect<Same<typeof theme, "light" | "dark" | undefined>>();
  session.get("cart")?.items.push("tea");
  // @ts-expect-error: it may be missing
  session.get("cart").items.push("tea");
  // @ts-expect-error: there is no such key
  session.get("visit");
  // @ts-expect-error: there is no such key
  session.has("visit");
  // @ts-expect-error: there is no such key
  session.delete("visit");
  // @ts-expect-error: another type
  session.set("visits", "1");
  // @ts-expect-error: undefined is removed with delete
  session.set("theme", undefined);
  // @ts-expect-error: not one of the words
  session.set("theme", "blue");
  session.set("theme", "dark").set("note", null);
  session.assign({ visits: 1, note: null });
  // @ts-expect-error: another type
  session.assign({ visits: "1" });
  // @ts-expect-error: there is no such key
  session.assign({ visit: 1 });
  const counted = session.update("visits", (n = 0) => n + 1);
  expect<Same<typeof counted, number>>();
  session.update("theme", () => undefined);
  // @ts-expect-error: another type
  session.update("visits", () => "1");
  // @ts-expect-error: it may be missing
  session.update("visits", (n) => n + 1);
  // @ts-expect-error: a promise is no value
  session.update("visits", async (n = 0) => await Promise.resolve(n));
  const popped = session.pop("note");
  expect<Same<typeof popped, string | null | undefined>>();
  const poppedOr = session.pop("visits", null);
  expect<Same<typeof poppedOr, number | null>>();
  const set = session.setDefault("visits", 0);
  expect<Same<typeof set, number>>();
  // @ts-expect-error: another type
  session.setDefault("visits", "0");
  const [first] = session.keys();
  expect<Same<typeof first, keyof Data | undefined>>();
  const object = session.toObject();
  expect<Same<typeof object, Partial<Data>>>();
  for (const [key, value] of session) {
    expect<Same<typeof key, keyof Data>>();
    expect<Same<typeof value, Data[keyof Data]>>();
  }
  const { id, userId, createdAt, isNew } = session;
  expect<
    Same<
      [typeof id, typeof userId, typeof createdAt, typeof isNew],
      [string | undefined, string | undefined, number, boolean]
    >
  >();
  // @ts-expect-error: read-only
  session.id = "mine";
  // @ts-expect-error: read-only
  session.userId = "ada";
  // @ts-expect-error: a user id is a string
  session.login(5);
  session.setExpiry(0);
  session.setExpiry(null);
  session.setExpiry(new Date());
  // @ts-expect-error: seconds are a number
  session.setExpiry("60");
  const saved: Promise<void> = session.save();
  const flushed: Promise<void> = session.flush();
  await Promise.all([saved, flushed, session.logout()]);
}

export function untyped(session: Session): void {
  session.set("anything", { goes: [1] }).get("anything").goes.push(2);
  session.update("n", (n = 0) => n + 1);
  session.assign({ a: 1, b: "2" });
}

export function aForgottenAwaitIsAnError(): void {
  made().wrap((request) => {
    // @ts-expect-error: request.session is a promise
    request.session.get("visits");
    // @ts-expect-error: so is what get gives
    made().get(request).set("visits", 1);
    return new Response();
  });
}

export async function getAndOpen(sessions: Sessions<Data>, request: Request): Promise<void> {
  const got = await sessions.get(request);
  const opened = await sessions.open("id");
  expect<Same<typeof got, Session<Data>>>();
  expect<Same<typeof opened, Session<Data>>>();
  const infos = await sessions.list("ada", { current: got });
  expect<Same<typeof infos, SessionInfo[]>>();
  const [info] = infos;
  expect<Same<typeof info, SessionInfo | undefined>>();
  const ended: number = await sessions.revoke(info!.handle, { userId: "ada" });
  // @ts-expect-error: a user id that may be missing protects nobody
  await sessions.revoke(info!.handle, { userId: got.userId });
  await sessions.revokeAll("ada", { except: opened });
  const cleared: number = await sessions.clearExpired({ limit: 10, signal: AbortSignal.timeout(1_000) });
  const headers: Headers = await sessions.headersFor(request);
  // @ts-expect-error: there is no request.session without wrap
  request.session;
  void [ended, cleared, headers];
  await using disposed = sessions;
  void disposed;
}

export function whatWrapGivesBack(): void {
  const plain = made().wrap(() => new Response());
  expect<Same<Parameters<typeof plain>, [request: Request]>>();
  const asynchronous = made().wrap(async (request) => {
    expect<Same<Awaited<typeof request.session>, Session<Data>>>();
    return await Promise.resolve(new Response());
  });
  const answer: Promise<Response> = Promise.resolve(asynchronous(new Request("https://a.example/")));
  void answer;
  // @ts-expect-error: the handler needs a request
  plain();
  // @ts-expect-error: no function
  made().wrap({ fetch() {} });
}

export function onDeno(): void {
  // Deno's own types: the handler stays what Deno.serve takes, and info stays typed.
  Deno.serve(
    made().wrap(async (request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) => {
      const session = await request.session;
      expect<Same<typeof session, Session<Data>>>();
      const host: string = info.remoteAddr.hostname;
      // @ts-expect-error: there is no such property
      info.remoteAddress;
      return new Response(host);
    }),
  );
  Deno.serve(made().wrap(async (request) => new Response(String((await request.session).get("visits")))));
  Deno.serve({ port: 0 }, made().wrap(() => new Response()));
  const app: Deno.ServeDefaultExport = { fetch: made().wrap(() => new Response()) };
  void app;
}

export async function schemaGivesData(request: Request): Promise<void> {
  const zod = createSessions({
    store,
    secrets,
    schema: z.object({ visits: z.number(), theme: z.enum(["light", "dark"]).optional() }),
  });
  const valibot = createSessions({
    store,
    secrets,
    schema: v.object({ visits: v.number(), theme: v.optional(v.picklist(["light", "dark"])) }),
  });
  const arktype = createSessions({
    store,
    secrets,
    schema: type({ visits: "number", "theme?": "'light' | 'dark'" }),
  });
  const one = await zod.get(request);
  const two = await valibot.get(request);
  const three = await arktype.get(request);
  const all = [one.get("visits", 0), two.get("visits", 0), three.get("visits", 0)] as const;
  expect<Same<typeof all, readonly [number, number, number]>>();
  one.set("visits", 1).set("theme", "dark");
  two.set("visits", 1).set("theme", "dark");
  three.set("visits", 1).set("theme", "dark");
  // @ts-expect-error: another type
  one.set("visits", "1");
  // @ts-expect-error: another type
  two.set("visits", "1");
  // @ts-expect-error: another type
  three.set("visits", "1");
  // @ts-expect-error: there is no such key
  one.get("visit");
  // @ts-expect-error: there is no such key
  two.get("visit");
  // @ts-expect-error: there is no such key
  three.get("visit");
  const output = createSessions({ store, secrets, schema: z.object({ n: z.string().transform(Number) }) });
  const n = (await output.get(request)).get("n");
  expect<Same<typeof n, number | undefined>>();
  // @ts-expect-error: the schema gives another type
  createSessions<{ visits: string }>({ store, secrets, schema: z.object({ visits: z.number() }) });
}

export function options(): void {
  // @ts-expect-error: store and secrets are required
  createSessions({ store });
  // @ts-expect-error: store and secrets are required
  createSessions({ secrets });
  // @ts-expect-error: secrets is an array
  createSessions({ store, secrets: "x" });
  // @ts-expect-error: there is no such option
  createSessions({ store, secrets, ttl: 5 });
  // @ts-expect-error: seconds are a number
  createSessions({ store, secrets, idleAge: "5" });
  // @ts-expect-error: not one of the words
  createSessions({ store, secrets, cookie: { sameSite: "lax" } });
  createSessions({ store, secrets, absoluteAge: null, cookie: { sameSite: "Strict" } });
  createSessions({
    store,
    secrets,
    onEvent: ({ type, at, tag, reason }) => void [type satisfies string, at satisfies number, tag, reason],
    onError: (error, request) =>
      new Response(error.code + request.url, { status: error.retryable ? 503 : 500 }),
  });
  // @ts-expect-error: an answer is needed
  createSessions({ store, secrets, onError: () => {} });
  const sessions = createSessions({ store, secrets });
  expect<Same<typeof sessions, Sessions<SessionData>>>();
}

export function cookies(plain: CookieOptions, name: string, secure: boolean): void {
  const make = (cookie: CookieOptions) => createSessions<Data>({ store, secrets, cookie });
  createSessions<Data>({ store, secrets, cookie: plain });
  createSessions<Data>({ store, secrets, cookie: { name: "sid", secure: false } });
  // @ts-expect-error: a cookie named __Host-… is secure
  createSessions<Data>({ store, secrets, cookie: { name: "__Host-sid", secure: false } });
  // @ts-expect-error: so is the one of the default name
  createSessions<Data>({ store, secrets, cookie: { secure: false } });
  make({});
  make({ name: "__Host-sid", path: "/", secure: true, sameSite: "Strict", partitioned: true });
  // @ts-expect-error: a cookie named __Host-… has the path /
  make({ name: "__Host-sid", path: "/shop" });
  // @ts-expect-error: a cookie named __Host-… has no domain
  make({ name: "__Host-sid", domain: "example.com" });
  // @ts-expect-error: the default name begins with __Host-
  make({ path: "/shop" });
  // @ts-expect-error: the default name begins with __Host-
  make({ domain: "example.com" });
  // @ts-expect-error: browsers match the prefix without regard to case
  make({ name: "__host-sid", secure: false });
  make({ name: "__Secure-sid", path: "/shop", domain: "example.com" });
  // @ts-expect-error: a cookie named __Secure-… is secure
  make({ name: "__Secure-sid", secure: false });
  // @ts-expect-error: and so is one named __Http-…
  make({ name: "__Http-sid", secure: false });
  make({ name: "Sid", path: "/shop", domain: "example.com", secure, partitioned: false });
  make(secure ? {} : { name: "sid", secure: false });
  make({ name, sameSite: "Lax" });
  // @ts-expect-error: a name that is known only when the program runs may have a prefix
  make({ name, secure: false });
  make({ name, secure: false } as CookieOptions);
  // @ts-expect-error: there is no such attribute
  make({ name: "sid", maxAge: 60 });
  // @ts-expect-error: not one of the words
  make({ name: "sid", sameSite: "none" });
}

export function stores(): void {
  const mine: SessionStore = {
    load: () => undefined,
    create: () => Promise.resolve("1"),
    save: () => undefined,
    delete: () => true,
  };
  createSessions({ store: mine, secrets });
  // @ts-expect-error: a store without delete
  const lacking: SessionStore = {
    load: () => undefined,
    create: () => "1",
    save: () => "1",
  };
  void lacking;
}

export function errors(error: unknown): SessionErrorCode | undefined {
  if (!(error instanceof SessionError)) return undefined;
  // @ts-expect-error: there is no such code
  if (error.code === "ERR_LOST") return undefined;
  // @ts-expect-error: read-only
  error.code = "ERR_GONE";
  return error.code;
}

it("types are checked by deno check; this file loads", () => {
  assert.equal(typeof typedKeysAndValues, "function");
});
