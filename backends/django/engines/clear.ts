/** Clears a table in which some rows cannot be removed, because other tables refer to them. */

/**
 * Clears at most `limit` rows, the earliest expired first, until `until` (by `performance.now()`). Resolves to the number cleared.
 * `remove` removes at most the given number of rows; if one of them cannot be removed, it removes none and does not return a number. The
 * batch is then reduced until that row is the first, and `empty` empties it instead.
 */
export async function clearInParts(
  limit: number,
  until: number,
  remove: (most: number) => Promise<number | string>,
  empty: () => Promise<number>,
): Promise<number> {
  let cleared = 0;
  let most = limit;
  while (cleared < limit && (cleared === 0 || performance.now() < until)) {
    const size = Math.min(most, limit - cleared);
    let done = await remove(size);
    if (typeof done === "number") most = size * 2;
    else if (size > 1) {
      most = Math.ceil(size / 2);
      continue;
    } else done = await empty();
    cleared += done;
    if (done < size) break;
  }
  return cleared;
}
