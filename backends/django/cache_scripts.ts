/**
 * What Redis does for the cache engine, each script one atomic step, in the manner of the scripts of `RedisStore`: a token first,
 * which the answer carries back, a mode, which is not needed here, and the time in which something may be written.
 *
 * A client may send a write twice: ioredis and Bun do, when the connection broke before the answer. That has to be told from
 * another writer who came to the same text, as plain JSON often does. So a write leaves its token behind for a while, in a key of its
 * own beside the entry, and finds it when it comes again.
 */

import { head, type Script } from "../redis/scripts.ts";

/** For so long a write may come again, in ms. */
const memory = 60_000;

const begin = head + `
local entry = KEYS[#KEYS]
if redis.call('GET', 'sojourn' .. entry) == ARGV[1] then return answer('yes') end
if late then return answer('late') end
local function write()
  redis.call('SET', entry, args[1], 'PX', args[2])
  redis.call('SET', 'sojourn' .. entry, ARGV[1], 'PX', ${memory})
  return answer('yes')
end
`;

/** The text and its life in ms: `-1` for one without end. */
export const load: Script = {
  source: head + `return answer(redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]))`,
};

/** Text, life. */
export const create: Script = {
  source: begin + `
if redis.call('EXISTS', entry) == 0 then return write() end
return answer('no')`,
};

/** Text, life, the text before. */
export const replace: Script = {
  source: begin + `
if redis.call('GET', entry) == args[3] then return write() end
return answer('no')`,
};

/** The old key and the new; text, life, the text before. */
export const rotate: Script = {
  source: begin + `
if redis.call('GET', KEYS[1]) ~= args[3] or redis.call('EXISTS', entry) == 1 then return answer('no') end
redis.call('DEL', KEYS[1])
return write()`,
};

export const remove: Script = {
  source: head + `
if late then return answer('late') end
return answer(redis.call('DEL', KEYS[1]) == 1 and 'yes' or 'no')`,
};
