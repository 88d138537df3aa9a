/**
 * What Redis does for the cache engine, each script one atomic step, under the rules that `../redis/scripts.ts` states: token, mode
 * and time come first, the answer begins with the token and the server's time, and a write that comes late does nothing.
 *
 * A client may send a write twice: ioredis and Bun do, when the connection broke before the answer. That has to be told from
 * another writer who came to the same text, as plain JSON often does. So a write leaves its token behind for a while, in a key of its
 * own beside the entry, and finds it when it comes again.
 */

import { head, type Script } from "../../redis/scripts.ts";

/** For so long a write may come again, in ms. */
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

/** Answers the text and its life in ms, `-1` for one without end. */
export const load: Script = {
  source: begin + `
return answer(redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]))`,
};

/** args text, life. Answers yes, no or late. */
export const create: Script = {
  source: mine + `
if redis.call('EXISTS', KEYS[1]) == 1 then return refused(KEYS[1]) end
if late then return answer('late') end
return written(KEYS[1])`,
};

/** args text, life, the text before. Answers yes, no or late. */
export const replace: Script = {
  source: mine + `
if redis.call('GET', KEYS[1]) ~= args[3] then return refused(KEYS[1]) end
if late then return answer('late') end
return written(KEYS[1])`,
};

/** KEYS the old and the new; args text, life, the text before. Answers yes, no or late. */
export const rotate: Script = {
  source: mine + `
if redis.call('GET', KEYS[1]) ~= args[3] or redis.call('EXISTS', KEYS[2]) == 1 then return refused(KEYS[2]) end
if late then return answer('late') end
redis.call('DEL', KEYS[1])
return written(KEYS[2])`,
};

/** Answers yes, no or late. */
export const remove: Script = {
  source: begin + `
if late then return answer('late') end
return answer(redis.call('DEL', KEYS[1]) == 1 and 'yes' or 'no')`,
};
