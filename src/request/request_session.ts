/** One request's session: loaded when first asked for, committed when the answer is ready, closed when it leaves. */

import { closed, SessionError } from "../errors.ts";
import { handled } from "../handled.ts";
import { load } from "../unit_of_work/load.ts";
import { cancelBody, markPrivate, withoutOthersCookies, withSession } from "./response.ts";
import { Session } from "../session.ts";
import type { MaybePromise } from "../store.ts";
import type { SessionContext } from "../unit_of_work/context.ts";
import type { UnitOfWork } from "../unit_of_work/unit_of_work.ts";

/** What is answered when the handler let a `SessionError` pass, or the commit failed. */
export type OnError = (error: SessionError, request: Request) => MaybePromise<Response>;

/** The session of one request. */
export class RequestSession {
  readonly #context: SessionContext;
  readonly #request: Request;
  readonly #onError: OnError;
  #promise: Promise<Session> | undefined;
  #unitOfWork: UnitOfWork | undefined;
  #isClosed = false;
  /** Whether `headers` gave away what there is to send. */
  #isSent = false;

  constructor(context: SessionContext, request: Request, onError: OnError) {
    this.#context = context;
    this.#request = request;
    this.#onError = onError;
  }

  /** The session; every call gives the same promise. */
  session(): Promise<Session> {
    if (this.#promise !== undefined) return this.#promise;
    let promise: Promise<Session>;
    try {
      const unit = load(this.#context, this.#header());
      promise = unit instanceof Promise
        ? unit.then((unit) => this.#loaded(unit))
        : Promise.resolve(this.#loaded(unit));
    } catch (error) {
      promise = Promise.reject(error);
    }
    if (this.#unitOfWork === undefined) handled(promise);
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

  #loaded(unit: UnitOfWork): Session {
    unit.isClosed = this.#isClosed;
    this.#unitOfWork = unit;
    return new Session(unit);
  }

  /** Waits for a load that was started, and for what hangs on it. Its failure is for whoever awaits the session. */
  async settled(): Promise<void> {
    if (needsSession(this.#context, this.#request)) this.session();
    await this.#promise?.catch(() => {});
  }

  /** The answer to send for the one that the handler gave. Takes no longer than the commit: a read costs no promise. */
  finish<T>(answer: T, began: number): MaybePromise<T | Response> {
    const unit = this.#unitOfWork;
    if (unit === undefined) {
      return this.settled().then(() =>
        this.#unitOfWork === undefined ? this.#send(answer, began) : this.finish(answer, began)
      );
    }
    const response = isResponse(answer) ? answer : undefined;
    const refuse = (error: unknown) => {
      cancelBody(response);
      return this.#refuse(error, began);
    };
    const busy = unit.pending();
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
    const events = this.#context.events.pending;
    return events === undefined
      ? this.#respond(answer, began)
      : events.then(() => this.#respond(answer, began));
  }

  #respond<T>(answer: T, began: number): T | Response {
    const unit = this.#unitOfWork;
    unit?.finalizeCookies();
    const isPlain = unit === undefined || this.#isSent || !isResponse(answer) || answer.status === 0 ||
      !unit.isUsed && unit.setCookies.length === 0;
    return isPlain ? withoutOthersCookies(answer, this.#context, this.#request, began) : withSession(
      answer,
      { owner: this.#context, request: this.#request, began },
      unit.setCookies,
      this.#context.events,
    );
  }

  /** The answer to send when the handler threw; anything but a `SessionError` is thrown again. */
  async fail(error: unknown, began: number): Promise<Response> {
    await this.settled();
    await this.#unitOfWork?.pending()?.catch(() => {});
    return await this.#refuse(error, began);
  }

  async #refuse(error: unknown, began: number): Promise<Response> {
    this.close();
    await this.#context.events.pending;
    if (!(error instanceof SessionError)) throw error;
    const answer = await this.#onError(error, this.#request);
    const isBare = error.code === "ERR_GONE" && this.#context.policy.sendsGoneUnmodified &&
      !this.#unitOfWork?.setCookies.length;
    return isBare ? answer : this.#respond(answer, began);
  }

  /** Commits now; the headers to send along with an answer that is no `Response`. */
  async headers(): Promise<Headers> {
    const headers = new Headers();
    if (this.#promise !== undefined || needsSession(this.#context, this.#request)) {
      await this.session();
      const unit = this.#unitOfWork!;
      await unit.pending();
      await this.#commitClosed(unit);
      unit.finalizeCookies();
      if (!this.#isSent && (unit.isUsed || unit.setCookies.length > 0)) {
        markPrivate(headers);
        for (const field of unit.setCookies) headers.append("set-cookie", field);
      }
      this.#isSent = true;
    }
    this.close();
    return headers;
  }

  /** What is written while the commit runs would miss it: it is refused. After a failure the session is open again. */
  async #commitClosed(unit: UnitOfWork): Promise<void> {
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
    if (this.#unitOfWork !== undefined) this.#unitOfWork.isClosed = true;
  }
}

/** Whether a request needs its session whatever its handler does; on Deno one that was upgraded has no headers to tell by. */
export function needsSession({ needsSession }: SessionContext, request: Request): boolean {
  if (needsSession === undefined) return false;
  let header: string | null;
  try {
    header = request.headers.get("cookie");
  } catch {
    return false;
  }
  return needsSession(header);
}

/** Whether headers can be put on it: also on a `Response` that a framework has made of its own. */
function isResponse(answer: unknown): answer is Response {
  // First: on Bun a look at the headers of a part of a file would cost it its status and its range.
  if (answer instanceof Response) return true;
  const { headers } = Object(answer) as Partial<Response>;
  return typeof headers?.append === "function" && typeof headers.get === "function";
}
