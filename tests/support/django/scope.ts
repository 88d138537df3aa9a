/** The items of the specification that have no test, and why; the table in `docs/django.md` is made from it and from the tests. */

/** By id: why it does not apply here. */
export const outOfScope: Readonly<Record<string, string>> = {
  "DJ-006": "JavaScript has no arguments by name: the fallback is the second argument (DJ-005)",
  "DJ-007": "a missing key is `undefined`, never an error",
  "DJ-038": "rows are not shown as objects",
  "DJ-039": "rows are not shown as objects; `sessions.open(key)` reads one",
  "DJ-046": "a session has no `exists`",
  "DJ-049": "nothing is put in the cache of cached_db; an entry that cannot be taken away is a 503 (DX-044)",
  "DJ-050": "dates are in the table of cached_db alone, whose own tests run with both kinds (DJ-043)",
  "DJ-071": "states that DJ-015 does not apply to signed_cookies",
  "DJ-072": "states that DJ-018 does not apply to signed_cookies",
  "DJ-075": "states that DJ-036 does not apply to signed_cookies",
  "DJ-076": "states that DJ-037 does not apply to signed_cookies",
  "DJ-078": "an engine without a method does not compile, and is refused at construction",
  "DJ-079": "an engine without a method does not compile, and is refused at construction",
  "DJ-080": "an engine without a method does not compile, and is refused at construction",
  "DJ-081": "an engine without a method does not compile, and is refused at construction",
  "DJ-082": "an engine without a method does not compile, and is refused at construction",
  "DX-002": "a session has no `[]`; `get` of a missing key is `undefined`",
  "DX-005": "`assign({})` changes nothing, so nothing is saved",
  "DX-008": "awaiting `request.session` loads it, so nothing is done to an unloaded session",
  "DX-009": "awaiting `request.session` loads it; `isEmpty` is `size === 0`",
  "DX-010": "a session has no `exists`, `load`, `delete(key)` and `encode`; looking at its id is use",
  "DX-014": "there is no `create()`: the first save makes the one record",
  "DX-018": "awaiting `request.session` loads it, so an unknown key is dropped before a save (DX-019)",
  "DX-026": "asking for an expiry is use, whatever it is asked with",
  "DX-036": "awaiting `request.session` loads it, so an expired row is not brought back to life",
  "DX-040": "there is no row manager that deletes what is empty: an emptied session keeps its row (DX-081)",
  "DX-042": "the cache of cached_db is never read: its entries are pickles, and the table has the truth",
  "DX-043": "a session has no `exists`",
  "DX-063": "a session has no `delete(key)`; `flush()` ends it (DX-073)",
  "DX-076": "`modified` is read-only: nested changes are noticed by themselves",
  "DX-077": "a session has no `delete()` that leaves the object as it is; `flush()` ends it (DX-073)",
  "DX-087": "`modified` is read-only; every answer that sets the cookie varies on it",
  "DX-102":
    "which backends count is the handler's to say: `djangoUser` gives the path, and the session is kept",
};

/** Every id there is. */
export const allIds: readonly string[] = [
  ...Array.from({ length: 84 }, (_, n) => `DJ-${String(n + 1).padStart(3, "0")}`),
  ...Array.from({ length: 102 }, (_, n) => `DX-${String(n + 1).padStart(3, "0")}`),
];
