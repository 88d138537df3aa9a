/** Puts the parts of one `Sessions` object together. */

import { type Carrier, type CarrierKit, ownCarrier } from "../transport/transport.ts";
import { Events } from "../events.ts";
import { Format } from "../data/format.ts";
import { Guard } from "../guard/call_guard.ts";
import { HeldCarrier } from "../transport/store_transport.ts";
import { Signer } from "../crypto/signer.ts";
import { Lines } from "./save_queue.ts";
import { isLive } from "./load.ts";
import { ownManners } from "../transport/policy.ts";
import type { Settings } from "../options.ts";
import type { SessionStore } from "../store.ts";
import type { Core } from "./unit_of_work.ts";

/** The parts that all requests share. */
export function makeCore(settings: Settings): Core {
  const { secrets, cookie, timeout, now, onEvent } = settings;
  const tags = new Signer(secrets, "log tag", cookie.name);
  const events = new Events(onEvent, now, (key) => tags.sign(key));
  const kit: CarrierKit = { secrets, cookie, timeout, events, limits: settings, now };
  const make = ownCarrier(settings.store) ?? ((kit) => new HeldCarrier(settings.store as SessionStore, kit));
  const carrier: Carrier = make(kit);
  const format = carrier.format ?? new Format(settings.codec, settings.maxBytes);
  const core: Core = {
    carrier,
    lines: new Lines(carrier, events, (found) => isLive(core, found, format.read(found.record))),
    events,
    format,
    manners: carrier.manners ?? ownManners,
    limits: settings,
    rolls: settings.rolling,
    savesEveryRequest: settings.saveEveryRequest,
    attends: settings.saveEveryRequest ? (header) => header !== null : carrier.manners?.attends,
    schema: settings.schema,
    stampOf: guardStamps(settings, events),
    now,
    maxSessionsPerUser: settings.maxSessionsPerUser,
    running: new Set(),
  };
  return core;
}

/** `stampOf`, bounded in time like the store: its failure is trouble, never the end of a session. */
function guardStamps({ stampOf, timeout }: Settings, events: Events): Core["stampOf"] {
  if (stampOf === undefined) return undefined;
  const guard = new Guard(timeout, events);
  const isStamp = (value: unknown): value is string | undefined =>
    value === undefined || typeof value === "string";
  return (userId) => guard.call("stampOf", () => stampOf(userId), isStamp);
}
