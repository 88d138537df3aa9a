/** One request's session: loaded when first asked for, committed when the answer is ready, closed when it leaves. */

import { closed, SessionError } from "../errors.ts";
import { handled } from "../handled.ts";
import { load } from "../unit_of_work/load.ts";
import { discard, dress, mark, undress } from "./response.ts";
import { Session } from "../session.ts";
import { leave } from "../unit_of_work/stale_cookies.ts";
import type { MaybePromise } from "../store.ts";
import type { Core, Unit } from "../unit_of_work/unit_of_work.ts";

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
      const unit = load(this.#core, this.#header());
      promise = unit instanceof Promise
        ? unit.then((unit) => this.#loaded(unit))
        : Promise.resolve(this.#loaded(unit));
    } catch (error) {
      promise = Promise.reject(error);
    }
    if (this.#unit === undefined) handled(promise);
    return this.#promise = promise;
  }

  /** A request that is over has no headers any more: Deno throws then, Bun shows none, and a live one has its host. */
  #header(): string | null {
    let header: string | null;
    try {
      const { headers } = this.#request;
      header = headers.get("cookie");
      if (header !== null || !this.#isClosed || !headers.keys().next().done) return header;
    } catch (cause) {
      throw closed("load", { cause });
    }
    throw closed("load");
  }

  #loaded(unit: Unit): Session {
    unit.isClosed = this.#isClosed;
    this.#unit = unit;
    return new Session(unit);
  }

  /** Waits for a load that was started, and for what hangs on it. Its failure is for whoever awaits the session. */
  async settled(): Promise<void> {
    if (isAttended(this.#core, this.#request)) this.session();
    await this.#promise?.catch(() => {});
  }

  /** The answer to send for the one that the handler gave. Takes no longer than the commit: a read costs no promise. */
  finish<T>(answer: T, began: number): MaybePromise<T | Response> {
    const unit = this.#unit;
    if (unit === undefined) {
      return this.settled().then(() =>
        this.#unit === undefined ? this.#send(answer, began) : this.finish(answer, began)
      );
    }
    const response = isResponse(answer) ? answer : undefined;
    const refuse = (error: unknown) => {
      discard(response);
      return this.#refuse(error, began);
    };
    const busy = unit.busy();
    if (busy !== undefined) return busy.then(() => this.finish(answer, began), refuse);
    if (this.#isClosed || response?.status === 0 || response !== undefined && response.status >= 500) {
      return this.#send(answer, began);
    }
    // What is written from here on would miss the save: it is refused, not lost.
    unit.isClosed = true;
    try {
      const commit = unit.commit(true);
      return commit === undefined
        ? this.#send(answer, began)
        : commit.then(() => this.#send(answer, began), refuse);
    } catch (error) {
      return refuse(error);
    }
  }

  #send<T>(answer: T, began: number): MaybePromise<T | Response> {
    this.close();
    const events = this.#core.events.settled();
    return events === undefined ? this.#dress(answer, began) : events.then(() => this.#dress(answer, began));
  }

  #dress<T>(answer: T, began: number): T | Response {
    const unit = this.#unit;
    if (unit !== undefined) leave(unit);
    const isPlain = unit === undefined || this.#isSent || !isResponse(answer) || answer.status === 0 ||
      !unit.isUsed && unit.fields.length === 0;
    return isPlain
      ? undress(answer, this.#core, this.#request, began)
      : dress(answer, { owner: this.#core, request: this.#request, began }, unit.fields, this.#core.events);
  }

  /** The answer to send when the handler threw; anything but a `SessionError` is thrown again. */
  async fail(error: unknown, began: number): Promise<Response> {
    await this.settled();
    await this.#unit?.busy()?.catch(() => {});
    return await this.#refuse(error, began);
  }

  async #refuse(error: unknown, began: number): Promise<Response> {
    this.close();
    await this.#core.events.settled();
    if (!(error instanceof SessionError)) throw error;
    const answer = await this.#onError(error, this.#request);
    const isBare = error.code === "ERR_GONE" && this.#core.manners.baresGone &&
      !this.#unit?.fields.length;
    return isBare ? answer : this.#dress(answer, began);
  }

  /** Commits now; the headers to send along with an answer that is no `Response`. */
  async headers(): Promise<Headers> {
    const headers = new Headers();
    if (this.#promise !== undefined || isAttended(this.#core, this.#request)) {
      await this.session();
      const unit = this.#unit!;
      await unit.busy();
      await this.#commitClosed(unit);
      leave(unit);
      if (!this.#isSent && (unit.isUsed || unit.fields.length > 0)) {
        mark(headers);
        for (const field of unit.fields) headers.append("set-cookie", field);
      }
      this.#isSent = true;
    }
    this.close();
    return headers;
  }

  /** What is written while the commit runs would miss it: it is refused. After a failure the session is open again. */
  async #commitClosed(unit: Unit): Promise<void> {
    if (this.#isClosed) return;
    unit.isClosed = true;
    try {
      await unit.commit(true);
    } catch (error) {
      unit.isClosed = false;
      throw error;
    }
  }

  /** The answer has left: from now on the session can only be read. */
  close(): void {
    this.#isClosed = true;
    if (this.#unit !== undefined) this.#unit.isClosed = true;
  }
}

/** Whether a request needs its session whatever its handler does; on Deno one that was upgraded has no headers to tell by. */
export function isAttended({ attends }: Core, request: Request): boolean {
  if (attends === undefined) return false;
  let header: string | null;
  try {
    header = request.headers.get("cookie");
  } catch {
    return false;
  }
  return attends(header);
}

/** Whether headers can be put on it: also on a `Response` that a framework has made of its own. */
function isResponse(answer: unknown): answer is Response {
  // First: on Bun a look at the headers of a part of a file would cost it its status and its range.
  if (answer instanceof Response) return true;
  const { headers } = Object(answer) as Partial<Response>;
  return typeof headers?.append === "function" && typeof headers.get === "function";
}
