/**
 * OpenTelemetry spans for store calls, and span events for session events: call `traceSessions` once, when the server starts. The span
 * that is active when a request uses its session is the parent. Deno exports them with `OTEL_DENO=true`; on Bun, register an
 * OpenTelemetry SDK first.
 */

import { type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { subscribe, unsubscribe } from "node:diagnostics_channel";

/** The object that all channels of one call receive; its tag, duration and error are set when the call has ended. */
interface StoreCall {
  readonly operation: string;
  readonly tag?: string;
  readonly error?: string;
}

/** Starts making spans, named "session load" and so on; the returned function stops it. */
export function traceSessions(): () => void {
  const tracer = trace.getTracer("@sojourn/session");
  const spans = new WeakMap<object, Span>();
  const channels: Record<string, (message: unknown) => void> = {
    "tracing:sojourn:store:start"(message) {
      const { operation } = message as StoreCall;
      spans.set(message as StoreCall, tracer.startSpan(`session ${operation}`, { kind: SpanKind.CLIENT }));
    },
    "tracing:sojourn:store:asyncEnd"(message) {
      const { operation, tag, error } = message as StoreCall;
      const span = spans.get(message as StoreCall);
      span?.setAttributes({
        "db.operation.name": operation,
        ...(tag !== undefined && { "session.tag": tag }),
        ...(error !== undefined && { "error.type": error }),
      });
      if (error !== undefined) span?.setStatus({ code: SpanStatusCode.ERROR });
      span?.end();
    },
    "sojourn:event"(message) {
      const { type, tag, reason } = message as { type: string; tag?: string; reason?: string };
      trace.getActiveSpan()?.addEvent(`session ${type}`, {
        ...(tag !== undefined && { "session.tag": tag }),
        ...(reason !== undefined && { reason }),
      });
    },
  };
  for (const [name, listener] of Object.entries(channels)) subscribe(name, listener);
  return () => {
    for (const [name, listener] of Object.entries(channels)) unsubscribe(name, listener);
  };
}
