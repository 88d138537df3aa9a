/**
 * What Redis does for the cache engine, each script one atomic step. All are given a token first, which their answer carries
 * back, and a mode, which they do not need.
 *
 * A client may send a write twice: ioredis and Bun do, when the connection broke before the answer. That has to be told from
 * another writer who came to the same text, as plain JSON often does. So a write leaves its token behind for a while, in a key of its
 * own beside the entry, and finds it when it comes again.
 */

import type { Script } from "../redis/scripts.ts";

/** For so long a write may come again, in ms. */
const memory = 60_000;

const mine = `
local function mine(entry) return redis.call('GET', 'sojourn' .. entry) == ARGV[1] end
local function write(entry)
  redis.call('SET', entry, ARGV[3], 'PX', ARGV[4])
  redis.call('SET', 'sojourn' .. entry, ARGV[1], 'PX', ${memory})
  return {ARGV[1], 'yes'}
end
`;

/** The text and its life in ms: `-1` for one without end. */
export const load: Script = {
  source: `return {ARGV[1], redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}`,
};

/** Text, life. */
export const create: Script = {
  source: mine + `
if redis.call('EXISTS', KEYS[1]) == 0 then return write(KEYS[1]) end
return {ARGV[1], mine(KEYS[1]) and 'yes' or 'no'}`,
};

/** Text, life, the text before. */
export const replace: Script = {
  source: mine + `
if redis.call('GET', KEYS[1]) == ARGV[5] then return write(KEYS[1]) end
return {ARGV[1], mine(KEYS[1]) and 'yes' or 'no'}`,
};

/** The old key and the new; text, life, the text before. */
export const rotate: Script = {
  source: mine + `
if redis.call('GET', KEYS[1]) == ARGV[5] and redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('DEL', KEYS[1])
  return write(KEYS[2])
end
return {ARGV[1], mine(KEYS[2]) and 'yes' or 'no'}`,
};

export const remove: Script = {
  source: `return {ARGV[1], redis.call('DEL', KEYS[1]) == 1 and 'yes' or 'no'}`,
};
