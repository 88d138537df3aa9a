/** The values of a session by name: a map, what was parsed for as long as that will do, or what a schema made of that. */

/** What is asked of a map of values. */
export interface Values extends Iterable<[string, unknown]> {
  readonly size: number;
  get(key: string): unknown;
  has(key: string): boolean;
  set(key: string, value: unknown): unknown;
  delete(key: string): boolean;
  clear(): void;
  keys(): MapIterator<string>;
  values(): MapIterator<unknown>;
  entries(): MapIterator<[string, unknown]>;
}

/**
 * The values of an object that was just parsed and is nobody else's. Most requests read a value or change one, for which the
 * object will do; whatever else is asked of it makes it a map.
 */
export class ParsedValues implements Values {
  #object: Record<string, unknown> | undefined;
  #map: Map<string, unknown> | undefined;

  constructor(object: Record<string, unknown>) {
    this.#object = object;
  }

  /** All of them. */
  get map(): Map<string, unknown> {
    if (this.#object !== undefined) this.#map = toMap(this.#object);
    this.#object = undefined;
    return this.#map!;
  }

  /** All of them as an ordinary object, which engines make and write much faster than one without prototype. */
  get plain(): Record<string, unknown> {
    return this.#object ?? toPlain(this.map);
  }

  get(key: string): unknown {
    const object = this.#object;
    if (object === undefined) return this.#map!.get(key);
    return Object.hasOwn(object, key) ? object[key] : undefined;
  }

  has(key: string): boolean {
    return this.#object === undefined ? this.#map!.has(key) : Object.hasOwn(this.#object, key);
  }

  set(key: string, value: unknown): unknown {
    // A new key of an object may have another place, or another meaning, than in a map.
    const object = this.#object;
    if (object === undefined || !Object.hasOwn(object, key)) return this.map.set(key, value);
    return object[key] = value;
  }

  delete(key: string): boolean {
    return this.map.delete(key);
  }

  clear(): void {
    this.map.clear();
  }

  get size(): number {
    return this.map.size;
  }

  keys(): MapIterator<string> {
    return this.map.keys();
  }

  values(): MapIterator<unknown> {
    return this.map.values();
  }

  entries(): MapIterator<[string, unknown]> {
    return this.map.entries();
  }

  [Symbol.iterator](): MapIterator<[string, unknown]> {
    return this.map.entries();
  }
}

/**
 * The values as a schema gives them, over those that are stored. What is changed is changed in both; all else stays as it is stored,
 * also what the schema left out or gave another form.
 */
export class CheckedValues extends Map<string, unknown> implements Values {
  readonly #read: () => Values;
  #stored: Values | undefined;

  /** `read` gives the stored values, nobody else's: a schema may change the ones it was shown. */
  constructor(shown: Record<string, unknown>, read: () => Values) {
    super();
    for (const key of Object.keys(shown)) super.set(key, shown[key]);
    this.#read = read;
  }

  /** The stored values with the changes. */
  get stored(): Values {
    return this.#stored ??= this.#read();
  }

  override set(key: string, value: unknown): this {
    this.stored.set(key, value);
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    this.stored.delete(key);
    return super.delete(key);
  }

  override clear(): void {
    this.stored.clear();
    super.clear();
  }
}

/** The values as they are to be stored. */
export function storedOf(values: Values): Values {
  return values instanceof CheckedValues ? values.stored : values;
}

/** The object's own values. (Cheaper than a list of pairs for each.) */
export function toMap(object: Record<string, unknown>): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const key of Object.keys(object)) values.set(key, object[key]);
  return values;
}

/** The values as an ordinary object, but for the name that an assignment would take for something else. */
export function toPlain(values: Values): Record<string, unknown> {
  if (values instanceof ParsedValues) return values.plain;
  if (values.has("__proto__")) return toObject(values);
  const object: Record<string, unknown> = {};
  for (const [key, value] of values) object[key] = value;
  return object;
}

/** An object without prototype, so that `__proto__` is a key like any other (SR-072). */
export function toObject(entries: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, value] of entries) object[key] = value;
  return object;
}
