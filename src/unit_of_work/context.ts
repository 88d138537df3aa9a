/** Puts the parts of one `Sessions` object together. */

import { ownTransport, type Transport, type TransportContext } from "../transport/transport.ts";
import { Events } from "../events.ts";
import { Format } from "../data/format.ts";
import { CallGuard } from "../guard/call_guard.ts";
import { StoreTransport } from "../transport/store_transport.ts";
import { Signer } from "../crypto/signer.ts";
import { SaveQueue } from "./save_queue.ts";
import { isLive } from "./load.ts";
import { ownPolicy } from "../transport/policy.ts";
import type { Settings } from "../options.ts";
import type { SessionStore } from "../store.ts";
import type { SessionContext } from "./unit_of_work.ts";

/** The parts that all requests share. */
export function createContext(settings: Settings): SessionContext {
  const { secrets, cookie, timeout, now, onEvent } = settings;
  const tags = new Signer(secrets, "log tag", cookie.name);
  const events = new Events(onEvent, now, (key) => tags.sign(key));
  const kit: TransportContext = { secrets, cookie, timeout, events, limits: settings, now };
  const make = ownTransport(settings.store) ??
    ((kit) => new StoreTransport(settings.store as SessionStore, kit));
  const transport: Transport = make(kit);
  const format = transport.format ?? new Format(settings.codec, settings.maxBytes);
  const context: SessionContext = {
    transport: transport,
    saves: new SaveQueue(transport, events, (found) => isLive(context, found, format.read(found.record))),
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
    maxSessionsPerUser: settings.maxSessionsPerUser,
    running: new Set(),
  };
  return context;
}

/** `stampOf`, bounded in time like the store: its failure is trouble, never the end of a session. */
function guardStamps({ stampOf, timeout }: Settings, events: Events): SessionContext["stampOf"] {
  if (stampOf === undefined) return undefined;
  const guard = new CallGuard(timeout, events);
  const isStamp = (value: unknown): value is string | undefined =>
    value === undefined || typeof value === "string";
  return (userId) => guard.call("stampOf", () => stampOf(userId), isStamp);
}
