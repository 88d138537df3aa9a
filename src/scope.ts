/** One request's session: loaded when first asked for, committed when the answer is ready, closed when it leaves. */

import { SessionError } from "./errors.ts";
import { load } from "./load.ts";
import { discard, mark, withHeaders } from "./respond.ts";
import { Session } from "./session.ts";
import type { MaybePromise } from "./store.ts";
import type { Core, Unit } from "./unit.ts";

/** What is answered when the handler let a `SessionError` pass, or the commit failed. */
export type OnError = (error: SessionError, request: Request) => MaybePromise<Response>;

/** See the first line of this file. */
export class Scope {
  readonly #core: Core;
  readonly #request: Request;
  readonly #onError: OnError;
  #promise: Promise<Session> | undefined;
  #unit: Unit | undefined;
  #isClosed = false;
  /** Whether `headers` gave away what there is to send. */
  #isSent = false;

  constructor(core: Core, request: Request, onError: OnError) {
    this.#core = core;
    this.#request = request;
    this.#onError = onError;
  }

  /** The session; every call gives the same promise. */
  session(): Promise<Session> {
    if (this.#promise !== undefined) return this.#promise;
    let promise: Promise<Session>;
    try {
      const unit = load(this.#core, this.#request.headers.get("cookie"));
      promise = unit instanceof Promise
        ? unit.then((unit) => this.#loaded(unit))
        : Promise.resolve(this.#loaded(unit));
    } catch (error) {
      promise = Promise.reject(error);
    }
    // A load that fails and is never awaited must not end the process; whoever awaits it still sees the failure.
    promise.catch(() => {});
    return this.#promise = promise;
  }

  #loaded(unit: Unit): Session {
    unit.isClosed = this.#isClosed;
    this.#unit = unit;
    return new Session(unit);
  }

  /** The answer to send for the one that the handler gave. */
  async finish<T>(answer: T): Promise<T | Response> {
    await this.#settled();
    const response = isResponse(answer) ? answer : undefined;
    try {
      if (response === undefined || response.status > 0 && response.status < 500) await this.#commit();
    } catch (error) {
      discard(response);
      return await this.#refuse(error);
    }
    const unit = this.#unit;
    this.close();
    await this.#core.events.settled();
    if (response === undefined || response.status === 0 || unit === undefined || this.#isSent) return answer;
    const { fields } = unit;
    if (!unit.isUsed && fields.length === 0) return answer;
    return withHeaders(response, (headers) => this.#write(headers, fields));
  }

  /** The answer to send when the handler threw; anything but a `SessionError` is thrown again. */
  async fail(error: unknown): Promise<Response> {
    await this.#settled();
    return await this.#refuse(error);
  }

  /** Commits now; the headers to send along with an answer that is no `Response`. */
  async headers(): Promise<Headers> {
    const headers = new Headers();
    if (this.#promise === undefined && !this.#core.savesEveryRequest) {
      this.close();
      return headers;
    }
    await this.session();
    await this.#commit();
    const unit = this.#unit;
    if (unit !== undefined && !this.#isSent && (unit.isUsed || unit.fields.length > 0)) {
      this.#write(headers, unit.fields);
      this.#isSent = true;
    }
    this.close();
    return headers;
  }

  /** Waits for a load that was started. Its failure is for whoever awaits the session. */
  async #settled(): Promise<void> {
    if (this.#core.savesEveryRequest && this.#request.headers.has("cookie")) this.session();
    await this.#promise?.catch(() => {});
  }

  async #commit(): Promise<void> {
    if (!this.#isClosed) await this.#unit?.commit(true);
  }

  async #refuse(error: unknown): Promise<Response> {
    const fields = this.#unit?.fields ?? [];
    this.close();
    await this.#core.events.settled();
    if (!(error instanceof SessionError)) throw error;
    const response = await this.#onError(error, this.#request);
    if (!this.#unit?.isUsed && fields.length === 0) return response;
    return withHeaders(response, (headers) => this.#write(headers, fields));
  }

  #write(headers: Headers, fields: readonly string[]): void {
    if (mark(headers).tookAway) this.#core.events.emit("cache-control");
    for (const field of fields) headers.append("set-cookie", field);
  }

  /** The answer has left: from now on the session can only be read. */
  close(): void {
    this.#isClosed = true;
    if (this.#unit !== undefined) this.#unit.isClosed = true;
  }
}

function isResponse(answer: unknown): answer is Response {
  return answer instanceof Response ||
    typeof answer === "object" && answer !== null && (answer as Response).headers instanceof Headers;
}
