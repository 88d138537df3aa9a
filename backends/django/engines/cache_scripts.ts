/**
 * The Redis scripts of the cache engine. Each is one atomic step and follows the rules of `../redis/scripts.ts`: token, mode and time are
 * the first arguments, the reply begins with the token and the server's time, and a late write does nothing.
 *
 * A client may send a write twice: ioredis and Bun do, when the connection broke before the reply. This must be distinguished
 * from another writer with the same text, which is common with plain JSON. So a write keeps its token for a while, in a key next to the
 * entry, and finds it there when it is repeated.
 */

import { head, type Script } from "../../redis/scripts.ts";

/** How long, in ms, a write may be repeated. */
const memory = 60_000;

const begin = head + `
local args = {unpack(ARGV, 5)}
local function answer(...) return {ARGV[1], time[1], time[2], ...} end
`;

const mine = begin + `
local function written(entry)
  redis.call('SET', entry, args[1], 'PX', args[2])
  redis.call('SET', 'sojourn' .. entry, ARGV[1], 'PX', ${memory})
  return answer('yes')
end
local function refused(entry)
  return answer(redis.call('GET', 'sojourn' .. entry) == ARGV[1] and 'yes' or 'no')
end
`;

/** Returns the text and its remaining life in ms, `-1` without an expiry. */
export const load: Script = {
  source: begin + `
return answer(redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]))`,
};

/** args text, life. Returns yes, no or late. */
export const create: Script = {
  source: mine + `
if redis.call('EXISTS', KEYS[1]) == 1 then return refused(KEYS[1]) end
if late then return answer('late') end
return written(KEYS[1])`,
};

/** args text, life, the text before. Returns yes, no or late. */
export const replace: Script = {
  source: mine + `
if redis.call('GET', KEYS[1]) ~= args[3] then return refused(KEYS[1]) end
if late then return answer('late') end
return written(KEYS[1])`,
};

/** KEYS the old and the new; args text, life, the text before. Returns yes, no or late. */
export const rotate: Script = {
  source: mine + `
if redis.call('GET', KEYS[1]) ~= args[3] or redis.call('EXISTS', KEYS[2]) == 1 then return refused(KEYS[2]) end
if late then return answer('late') end
redis.call('DEL', KEYS[1])
return written(KEYS[2])`,
};

/** Returns yes, no or late. */
export const remove: Script = {
  source: begin + `
if late then return answer('late') end
return answer(redis.call('DEL', KEYS[1]) == 1 and 'yes' or 'no')`,
};
