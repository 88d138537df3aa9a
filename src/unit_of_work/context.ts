/** Puts the parts of one `Sessions` object together. */

import {
  makeTransport,
  type StoredSession,
  type Transport,
  type TransportContext,
  type TransportingStore,
} from "../transport/transport.ts";
import { Events } from "../events.ts";
import { type DataFormat, type Draft, Format } from "../data/format.ts";
import { CallGuard } from "../guard/call_guard.ts";
import { StoreTransport } from "../transport/store_transport.ts";
import { Signer } from "../crypto/signer.ts";
import { ChangeTracker } from "./change_tracker.ts";
import { SaveQueue } from "./save_queue.ts";
import { ownPolicy, type Policy } from "../transport/policy.ts";
import { endsAt, type Limits } from "../data/lifetime.ts";
import type { StandardSchema } from "../schema.ts";
import { refuse } from "../option_checks.ts";
import type { Settings } from "../options.ts";
import type { MaybePromise, SessionStore } from "../store.ts";

/** What all units of one `Sessions` object share. */
export interface SessionContext {
  readonly transport: Transport;
  readonly saves: SaveQueue;
  readonly events: Events;
  readonly format: DataFormat;
  readonly policy: Policy;
  readonly limits: Limits;
  readonly schema: StandardSchema<unknown> | undefined;
  readonly now: () => number;
  /** Whether reading counts as activity. */
  readonly rolls: boolean;
  readonly savesEveryRequest: boolean;
  readonly needsSession: Policy["needsSession"] | undefined;
  /** The stamp that a user's sessions have to bear. */
  readonly stampOf: ((userId: string) => MaybePromise<string | undefined>) | undefined;
  /** The most sessions that a user may have. */
  readonly maxSessionsPerUser: number;
  /** The commits under way: closing waits for them. */
  readonly running: Set<Promise<void>>;
}

/** What was found of a request's cookies, or under an id. */
export interface Loaded {
  /** The session, and its content as the handler is to see it. */
  readonly stored?: StoredSession;
  readonly draft?: Draft;
  /** Sessions that cannot be shown: a logout ends them, and a login. */
  readonly hidden?: readonly StoredSession[];
  /** Whether the cookies, if there are any, led to no session and that is all there is to say of them. */
  readonly hasStaleCookies?: boolean;
  /** Until when a newer cookie than the request's may be on its way to the browser, in milliseconds. */
  readonly newerCookieUntil?: number;
}

/** The parts that all requests share. */
export function createContext(settings: Settings): SessionContext {
  const { secrets, cookie, timeout, now, onEvent } = settings;
  const tags = new Signer(secrets, "log tag", cookie.name);
  const events = new Events(onEvent, now, (key) => tags.sign(key));
  const kit: TransportContext = { secrets, cookie, timeout, events, limits: settings, now };
  const store = settings.store as SessionStore & Partial<TransportingStore>;
  const transport: Transport = store[makeTransport] === undefined
    ? new StoreTransport(store, kit)
    : store[makeTransport](kit);
  const format = transport.format ?? new Format(settings.codec, settings.maxBytes);
  const context: SessionContext = {
    transport,
    saves: new SaveQueue(transport, events, (found) => isLive(context, found)),
    events,
    format,
    policy: transport.policy ?? ownPolicy,
    limits: settings,
    rolls: settings.rolling,
    savesEveryRequest: settings.saveEveryRequest,
    needsSession: settings.saveEveryRequest ? (header) => header !== null : transport.policy?.needsSession,
    schema: settings.schema,
    stampOf: guardStamps(settings, events),
    now,
    maxSessionsPerUser: mostSessions(settings.maxSessionsPerUser, transport),
    running: new Set(),
  };
  return context;
}

/** Waits for the commits under way, then closes the store. */
export async function closeContext({ running, transport }: SessionContext): Promise<void> {
  while (running.size > 0) await Promise.allSettled(running);
  await transport.close();
}

/** Keeping users within a limit takes a list of their sessions. @throws {TypeError} If a limit was asked for and there is no list. */
function mostSessions(given: number | undefined, transport: Transport): number {
  if (transport.canList === true) return given ?? 1_000;
  if (given === undefined || given === Infinity) return Infinity;
  return refuse(
    "createSessions",
    "maxSessionsPerUser needs a store that lists a user's sessions",
    "a store without list",
  );
}

/** `stampOf`, bounded in time like the store: its failure is trouble, never the end of a session. */
function guardStamps({ stampOf, timeout }: Settings, events: Events): SessionContext["stampOf"] {
  if (stampOf === undefined) return undefined;
  const guard = new CallGuard(timeout, events);
  const isStamp = (value: unknown): value is string | undefined =>
    value === undefined || typeof value === "string";
  return (userId) => guard.call("stampOf", () => stampOf(userId), isStamp);
}

/** Whether a session may still be used (SR-038). */
export function isLive(
  context: Pick<SessionContext, "limits" | "format" | "now">,
  stored: StoredSession,
): boolean {
  const { limits, format, now } = context;
  return now() < endsAt(limits, stored.record, format.read(stored.record));
}

/** Keeps track of a session's content; without one, of a new session's. */
export function trackerOf({ format, schema, now }: SessionContext, draft?: Draft): ChangeTracker {
  return new ChangeTracker(format, draft ?? blank(format, now()), schema === undefined);
}

function blank(format: DataFormat, createdAt: number): Draft {
  return format.draft(new Map(), { meta: {}, userId: undefined, createdAt, touchedAt: createdAt });
}
