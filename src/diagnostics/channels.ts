/** Events and store calls on `node:diagnostics_channel`. Who does not listen pays one look; who listens can do no harm. */

import { type Channel, channel } from "node:diagnostics_channel";
import { SessionError, type SessionErrorCode } from "../errors.ts";
import type { MaybePromise } from "../store.ts";

/** What a call tells its listeners: the same object from its start to its end, so that they can keep a span by it. */
interface StoreCall {
  readonly operation: string;
  tag?: string;
  /** Milliseconds. */
  duration?: number;
  error?: SessionErrorCode;
}

/** Where each `SessionEvent` goes. */
export const eventChannel: Channel = channel("sojourn:event");

/** The channels of `tracingChannel("sojourn:store")`. */
const phase = (name: string): Channel => channel(`tracing:sojourn:store:${name}`);
const [start, end, failed] = [phase("start"), phase("end"), phase("error")];
const [asyncStart, asyncEnd] = [phase("asyncStart"), phase("asyncEnd")];
const phases = [start, end, asyncStart, asyncEnd, failed];

/** Whether anybody listens to store calls. */
export function isTraced(): boolean {
  // `TracingChannel.hasSubscribers` does the same, but Bun has none.
  for (const phase of phases) if (phase.hasSubscribers) return true;
  return false;
}

/**
 * Runs a call before its listeners: `start` and `end` around its synchronous part, `error` if it failed, and `asyncStart` and
 * `asyncEnd` when all is known. The caller's answer waits for none of them.
 */
export function traceCall<T>(
  operation: string,
  run: () => MaybePromise<T>,
  tag: MaybePromise<string | undefined>,
): MaybePromise<T> {
  const call: StoreCall = typeof tag === "string" ? { operation, tag } : { operation };
  const began = performance.now();
  const finish = async (fault?: { readonly error: unknown }) => {
    call.duration = performance.now() - began;
    if (fault !== undefined) {
      call.error = fault.error instanceof SessionError ? fault.error.code : "ERR_STORE";
    }
    const known = await tag; // and so after `end`, also when the answer was there at once
    if (known !== undefined) call.tag = known;
    if (fault !== undefined) publish(failed, call);
    publish(asyncStart, call);
    publish(asyncEnd, call);
  };
  publish(start, call);
  try {
    const answer = run();
    if (answer instanceof Promise) answer.then(() => finish(), (error) => finish({ error }));
    else finish();
    return answer;
  } catch (error) {
    finish({ error });
    throw error;
  } finally {
    publish(end, call);
  }
}

type Listener = (message: never, name: string) => unknown;

/**
 * Hands a message to all who listen. `Channel.publish` would turn what one of them throws into an uncaught exception, which
 * ends the process: here a listener's failure is its own, as a hook's is (SR-070).
 */
export function publish(to: Channel, message: object): void {
  if (!to.hasSubscribers) return;
  const { _subscribers: listeners } = to as unknown as { readonly _subscribers?: readonly Listener[] };
  if (!Array.isArray(listeners)) to.publish(message);
  else for (const listener of [...listeners] as Listener[]) callListener(listener, message, String(to.name));
}

/** Calls what is not ours, and expects nothing of it. */
export function callListener(listener: Listener, message: object, name = ""): void {
  try {
    const answer = listener(message as never, name);
    if (answer instanceof Promise) answer.catch(() => {});
  } catch {
    // A listener's failure is its own.
  }
}
