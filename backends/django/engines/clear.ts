/** How a table is cleared of which some rows cannot be removed, because other tables refer to them. */

/**
 * Clears at most `limit` rows, those that ended first before all others; the number of those that were cleared by `until`, by
 * `performance.now()`. `remove` removes so many at most; it does not answer a number if one of them cannot be removed, and none was.
 * Which one it is turns out by having fewer and fewer removed at once. `empty` does to the first row what can be done to it then.
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
