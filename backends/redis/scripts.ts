/**
 * The server-side scripts. Each one is atomic, touches the keys it is given and no others, and starts its answer with
 * the token that the question carried, so that an answer can only reach the question it belongs to.
 *
 * A record is a hash: `f` format, `k` its own key, `v` version, `d` data, `c` created, `t` touched, `e` expires, `u` user as JSON
 * or empty, `w` the versions before this one, and `p` while it waits for a move between two servers.
 *
 * The token of a write becomes the version. A client may send a write twice: ioredis and Bun do, when the connection broke before the
 * answer. A record that has, or had, the token already is therefore a success; told as a conflict, the change would be
 * made once more on top of itself.
 */

/** A script and, once known, its name on the server. */
export interface Script {
  /** Lua. */
  readonly source: string;
  /** The SHA-1 of the source, in hex. */
  sha?: string;
}

/** The format that this version of the library writes. */
export const FORMAT = "1";

/** How many arguments describe a record: key, data, created, touched, expires, user, time to live. */
const put = `
local function put(at, n, field, value)
  redis.call('HSET', at, 'f', '${FORMAT}', 'v', ARGV[1], 'k', ARGV[n], 'd', ARGV[n + 1], 'c', ARGV[n + 2],
    't', ARGV[n + 3], 'e', ARGV[n + 4], 'u', ARGV[n + 5])
  redis.call('HDEL', at, 'p', 'w')
  if field then redis.call('HSET', at, field, value) end
  -- Last: a record that has ended goes at once, and nothing may be written after that
  redis.call('PEXPIRE', at, ARGV[n + 6])
end
-- An expired record is free, anything else that is there is not
local function taken(at, now)
  if redis.call('EXISTS', at) == 0 then return false end
  local ends = tonumber(redis.call('HGET', at, 'e') or '')
  return not ends or ends > tonumber(now)
end
`;

/** KEYS record; ARGV token. Answers f, k, v, d, c, t, e, u, p. */
export const load: Script = {
  source: `
local r = redis.call('HMGET', KEYS[1], 'f', 'k', 'v', 'd', 'c', 't', 'e', 'u', 'p')
if not r[1] and redis.call('EXISTS', KEYS[1]) == 1 then r[1] = '' end
return {ARGV[1], unpack(r)}`,
};

/** KEYS record; ARGV token, now, pending (empty or 1), record. Answers yes or no. */
export const create: Script = {
  source: put + `
if redis.call('HGET', KEYS[1], 'v') == ARGV[1] then return {ARGV[1], 'yes'} end
if taken(KEYS[1], ARGV[2]) then return {ARGV[1], 'no'} end
put(KEYS[1], 4, ARGV[3] ~= '' and 'p', ARGV[3])
return {ARGV[1], 'yes'}`,
};

/** KEYS record; ARGV token, version, indexed (empty or 1), record. Answers yes, no, or index: the index comes first. */
export const save: Script = {
  source: put + `
local r = redis.call('HMGET', KEYS[1], 'v', 'e', 'u', 'w')
local had = (r[1] or '') .. ' ' .. (r[4] or '')
if string.find(had, ARGV[1] .. ' ', 1, true) then return {ARGV[1], 'yes'} end
if r[1] ~= ARGV[2] then return {ARGV[1], 'no'} end
if ARGV[3] == '' and ARGV[9] ~= '' and (r[2] ~= ARGV[8] or r[3] ~= ARGV[9]) then return {ARGV[1], 'index'} end
put(KEYS[1], 4, 'w', string.sub(had, 1, 120))
return {ARGV[1], 'yes'}`,
};

/** KEYS record; ARGV token, touched, expires, time to live, indexed user. Answers yes, no, or index and the user. */
export const touch: Script = {
  source: `
local r = redis.call('HMGET', KEYS[1], 'v', 'u', 'p')
if not r[1] or r[3] then return {ARGV[1], 'no'} end
if r[2] ~= '' and r[2] ~= ARGV[5] then return {ARGV[1], 'index', r[2]} end
redis.call('HSET', KEYS[1], 't', ARGV[2], 'e', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {ARGV[1], 'yes'}`,
};

/** KEYS record; ARGV token, version (empty: any). Answers yes and the user, or no. */
export const remove: Script = {
  source: `
local r = redis.pcall('HMGET', KEYS[1], 'v', 'u')
if ARGV[2] ~= '' and r[1] ~= ARGV[2] then return {ARGV[1], 'no'} end
if redis.call('DEL', KEYS[1]) == 0 then return {ARGV[1], 'no'} end
return {ARGV[1], 'yes', r[2] or ''}`,
};

/** KEYS old record, new record; ARGV token, now, version, record. Answers yes and the old user, or no. */
export const rotate: Script = {
  source: put + `
if redis.call('HGET', KEYS[2], 'v') == ARGV[1] then return {ARGV[1], 'yes', ''} end
local r = redis.call('HMGET', KEYS[1], 'v', 'u')
if r[1] ~= ARGV[3] or taken(KEYS[2], ARGV[2]) then return {ARGV[1], 'no'} end
put(KEYS[2], 4)
redis.call('DEL', KEYS[1])
return {ARGV[1], 'yes', r[2] or ''}`,
};

/** KEYS pending record; ARGV token, version, time to live. Answers yes or no. */
export const activate: Script = {
  source: `
if redis.call('HGET', KEYS[1], 'v') ~= ARGV[2] then return {ARGV[1], 'no'} end
redis.call('HDEL', KEYS[1], 'p')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {ARGV[1], 'yes'}`,
};

/** KEYS index; ARGV token, record key, expires, the instant before which entries are dropped. */
export const index: Script = {
  source: `
redis.call('ZADD', KEYS[1], 'GT', ARGV[3], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[4])
local last = redis.call('ZRANGE', KEYS[1], 0, 0, 'REV', 'WITHSCORES')
if last[2] then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', tonumber(last[2]) - tonumber(ARGV[4]))) end
return {ARGV[1]}`,
};

/** KEYS index; ARGV token, record key. */
export const unindex: Script = {
  source: `
redis.call('ZREM', KEYS[1], ARGV[2])
return {ARGV[1]}`,
};

/** KEYS index; ARGV token. Answers the list of record keys. */
export const members: Script = {
  source: `
return {ARGV[1], redis.call('ZRANGE', KEYS[1], 0, -1)}`,
};
