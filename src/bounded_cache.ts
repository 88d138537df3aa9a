/** A bounded memory of what was seen lately. */

const one = () => 1;

/**
 * A map that forgets what has not been asked for lately: two generations, of which the older one is dropped when the
 * younger is full. Cheaper than moving an entry at every hit, and never larger than twice its limit.
 */
export class BoundedCache<K, V> {
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  /** What the younger generation weighs. */
  #weight = 0;
  readonly #limit: number;
  readonly #weigh: (key: K, value: V) => number;

  /** `limit` is what one generation may weigh; without `weigh` every entry weighs 1. What weighs more alone is not kept. */
  constructor(limit: number, weigh: (key: K, value: V) => number = one) {
    this.#limit = limit;
    this.#weigh = weigh;
  }

  get(key: K): V | undefined {
    let value = this.#young.get(key);
    if (value === undefined) {
      value = this.#old.get(key);
      if (value !== undefined) this.set(key, value);
    }
    return value;
  }

  delete(key: K): void {
    this.#lift(key);
    this.#young.delete(key);
    this.#old.delete(key);
  }

  set(key: K, value: V): void {
    const weight = this.#weigh(key, value);
    if (weight > this.#limit) return this.delete(key);
    this.#lift(key);
    if (this.#weight + weight > this.#limit) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#weight = 0;
    }
    this.#young.set(key, value);
    this.#weight += weight;
  }

  /** What is to be replaced or deleted weighs no longer. */
  #lift(key: K): void {
    const value = this.#young.get(key);
    if (value !== undefined) this.#weight -= this.#weigh(key, value);
  }
}
