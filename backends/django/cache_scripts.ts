/**
 * What Redis does for the cache engine, each script one atomic step. All are given a token first, which their answer carries
 * back, and a mode, which they do not need. A script that a client sends twice finds its own work done, and says so.
 */

import type { Script } from "../redis/scripts.ts";

/** The text and its life in ms: `-1` for one without end. */
export const load: Script = {
  source: `return {ARGV[1], redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}`,
};

/** Text, life. */
export const create: Script = {
  source: `
if redis.call('SET', KEYS[1], ARGV[3], 'NX', 'PX', ARGV[4]) then return {ARGV[1], 'yes'} end
return {ARGV[1], redis.call('GET', KEYS[1]) == ARGV[3] and 'yes' or 'no'}`,
};

/** Text, life, the text before. */
export const replace: Script = {
  source: `
local now = redis.call('GET', KEYS[1])
if now ~= ARGV[5] and now ~= ARGV[3] then return {ARGV[1], 'no'} end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return {ARGV[1], 'yes'}`,
};

/** The old key and the new; text, life, the text before. */
export const rotate: Script = {
  source: `
local old, new = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
if not old and new == ARGV[3] then return {ARGV[1], 'yes'} end
if old ~= ARGV[5] or new then return {ARGV[1], 'no'} end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
redis.call('DEL', KEYS[1])
return {ARGV[1], 'yes'}`,
};

export const remove: Script = {
  source: `return {ARGV[1], redis.call('DEL', KEYS[1]) == 1 and 'yes' or 'no'}`,
};
