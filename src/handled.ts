/** What a value may be before it is there, and promises whose rejection ends no process when nobody waits for them. */

import type { MaybePromise } from "./store.ts";

/** Whether a value has to be waited for. */
export function isThenable<T>(value: T): value is T & PromiseLike<Awaited<T>> {
  const isObject = typeof value === "object" && value !== null || typeof value === "function";
  return isObject && typeof (value as { readonly then?: unknown }).then === "function";
}

/** Goes on with a value, immediately if it is there. */
export function then<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** The same promise; those who wait for it still see it fail. */
export function handled<P extends Promise<unknown>>(promise: P): P {
  // Not by its own `then`, as an `ObservedPromise` would take that for somebody who asks.
  Promise.prototype.then.call(promise, undefined, () => {});
  return promise;
}

/** What `work` comes to; what it throws at once is a rejection too. */
export function promised<T>(work: () => Promise<T>): Promise<T> {
  try {
    return handled(work());
  } catch (error) {
    return handled(Promise.reject(error));
  }
}

/** Makes every promise that a method of this class gives, be it one of its objects or of its own, a handled one. */
export function handlesAll(of: { readonly prototype: object }): void {
  for (const owner of [of, of.prototype]) {
    for (const name of Reflect.ownKeys(owner)) {
      const property = Object.getOwnPropertyDescriptor(owner, name)!;
      const method: unknown = property.value;
      if (typeof method !== "function" || name === "constructor") continue;
      const value = function (this: unknown, ...args: unknown[]): unknown {
        const answer: unknown = Reflect.apply(method, this, args);
        return answer instanceof Promise ? handled(answer) : answer;
      };
      Object.defineProperty(owner, name, { ...property, value });
    }
  }
}
