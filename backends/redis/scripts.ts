/**
 * The server-side scripts. Each one is atomic, and starts its answer with the token that the question carried, so that an
 * answer can only reach the question it belongs to.
 *
 * A record is a hash: `f` format, `k` its own key, `v` version, `d` data, `c` created, `t` touched, `e` expires, `u` user as JSON
 * or empty, `w` the versions before this one, in a cluster `i` its entry in the index, and `p` while it is on its way.
 *
 * The token of a write becomes the version. A client may send a write twice: ioredis and Bun do, when the connection broke before the
 * answer. A record that has, or had, the token already is therefore a success; told as a conflict, the change would be
 * made once more on top of itself.
 *
 * Every script is given a token and a mode first:
 * - `alone`: all keys are on one server. Whatever changes a record changes the index of its user in the same step. The index
 *   of a user whom only the record knows is no entry of KEYS, which is allowed without a cluster: its name is made of what stands before
 *   the record's key, the client's own prefix included, and the user.
 * - `patient`: a cluster, so the index is elsewhere; no key is touched but those in KEYS. A record on its way answers `wait`.
 * - empty: the same, with an answer for a record on its way too.
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

/** An entry stays in an index for so much longer than its record lives, in milliseconds, by the clock of the index. */
const slack = 3_600_000;

const clock = `
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function whole(number) return string.format('%.0f', number) end
`;

/** An entry's end, its score, only ever moves up; an index loses its dead entries, and lives no longer than the rest. */
const enter = clock + `
local function enter(index, entry, life)
  local now = clock()
  redis.call('ZADD', index, 'GT', whole(now + life), entry)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', whole(now - ${slack}))
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  if last[2] then redis.call('PEXPIRE', index, whole(last[2] - now + ${slack})) end
  return now + life
end
`;

const beside = `
local alone = ARGV[2] == 'alone'
local function beside(at, key, user) return string.sub(at, 1, -#key - 1) .. 'user:' .. user end
-- Takes a record that is replaced or removed out of its user's index, unless it stays there. A damaged index is no obstacle
local function leave(at, key, stays)
  local user = alone and redis.pcall('HGET', at, 'u')
  if type(user) == 'string' and user ~= '' and user ~= stays then redis.pcall('ZREM', beside(at, key, user), key) end
end
`;

/** What is left of a life, but not past the latest end that the index has been told of. */
const rest = `
local function rest(life, latest)
  if latest == '' then return tonumber(life) end
  return math.min(life, latest - clock())
end
`;

/** From ARGV[n] on: key, data, created, touched, expires, user, life, entry in the index, latest end. */
const put = enter + beside + rest + `
local function put(at, n, index, life, more)
  local key, user, goes = ARGV[n], ARGV[n + 5], life and life <= 0
  -- First: what may fail
  if index and not goes then enter(index, key, life) end
  leave(at, key, not goes and user)
  redis.call('HSET', at, 'f', '${FORMAT}', 'v', ARGV[1], 'k', key, 'd', ARGV[n + 1], 'c', ARGV[n + 2],
    't', ARGV[n + 3], 'e', ARGV[n + 4], 'u', user)
  redis.call('HDEL', at, 'i', 'p', 'w')
  for field, value in pairs(more) do
    if value ~= '' then redis.call('HSET', at, field, value) end
  end
  -- Last: a record that has ended goes at once, and nothing may be written after that
  if life then redis.call('PEXPIRE', at, whole(life)) end
end
-- An expired record is free, anything else that is there is not
local function taken(at, now)
  if redis.call('EXISTS', at) == 0 then return false end
  local ends = tonumber(redis.call('HGET', at, 'e') or '')
  return not ends or ends > tonumber(now)
end
`;

/** KEYS record. Answers f, k, v, d, c, t, e, u, p, or wait. */
export const load: Script = {
  source: `
local r = redis.call('HMGET', KEYS[1], 'f', 'k', 'v', 'd', 'c', 't', 'e', 'u', 'p')
if r[9] and ARGV[2] == 'patient' then return {ARGV[1], 'wait'} end
if not r[1] and redis.call('EXISTS', KEYS[1]) == 1 then r[1] = '' end
return {ARGV[1], unpack(r)}`,
};

/** KEYS record, index; ARGV now, on its way (empty or 1), record. Answers yes, no, or wait. */
export const create: Script = {
  source: put + `
local r = redis.call('HMGET', KEYS[1], 'v', 'p')
if r[1] == ARGV[1] then return {ARGV[1], 'yes'} end
if r[2] and ARGV[2] == 'patient' then return {ARGV[1], 'wait'} end
if taken(KEYS[1], ARGV[3]) then return {ARGV[1], 'no'} end
put(KEYS[1], 5, KEYS[2], rest(ARGV[11], ARGV[13]), {p = ARGV[4], i = ARGV[12]})
return {ARGV[1], 'yes'}`,
};

/**
 * KEYS record, index; ARGV version, record. Answers yes, the user before and the entry before; no; or, in a cluster, index and
 * the entry, empty for a new one: the index comes first.
 */
export const save: Script = {
  source: put + `
local r = redis.call('HMGET', KEYS[1], 'v', 'e', 'u', 'w', 'i')
local had = (r[1] or '') .. ' ' .. (r[4] or '')
if string.find(had, ARGV[1] .. ' ', 1, true) then return {ARGV[1], 'yes'} end
if r[1] ~= ARGV[3] then return {ARGV[1], 'no'} end
local life, entry = rest(ARGV[10], ARGV[12]), ARGV[11]
if not alone and ARGV[9] ~= '' and ARGV[12] == '' then
  entry = r[3] == ARGV[9] and r[5] or ''
  if r[2] ~= ARGV[8] or r[3] ~= ARGV[9] then return {ARGV[1], 'index', entry} end
  -- The end stays, as the index knows it: counted anew by a script that comes late it would be another
  life = false
end
put(KEYS[1], 4, KEYS[2], life, {w = string.sub(had, 1, 120), i = entry})
return {ARGV[1], 'yes', r[3] or '', r[5] or ''}`,
};

/**
 * KEYS record; ARGV key, touched, expires, life, entry, latest end. Answers yes, no, wait or, in a cluster, index, the user and
 * the entry: the index comes first.
 */
export const touch: Script = {
  source: enter + beside + rest + `
local r = redis.call('HMGET', KEYS[1], 'v', 'u', 'p', 'i')
if not r[1] then return {ARGV[1], 'no'} end
if r[3] then return {ARGV[1], ARGV[2] == 'patient' and 'wait' or 'no'} end
local life, user, entry = rest(ARGV[6], ARGV[8]), r[2] or '', r[4] or ''
if user ~= '' then
  if not alone then
    if ARGV[8] == '' or ARGV[7] ~= entry then return {ARGV[1], 'index', user, entry} end
  elseif life > 0 then enter(beside(KEYS[1], ARGV[3], user), ARGV[3], life)
  else leave(KEYS[1], ARGV[3]) end
end
redis.call('HSET', KEYS[1], 't', ARGV[4], 'e', ARGV[5])
redis.call('PEXPIRE', KEYS[1], whole(life))
return {ARGV[1], 'yes'}`,
};

/** KEYS record; ARGV key, version (empty: any). Answers yes, the user and the entry; no; or wait. */
export const remove: Script = {
  source: beside + `
local r = redis.pcall('HMGET', KEYS[1], 'v', 'u', 'i', 'p')
if ARGV[4] == '' then
  if r[4] and ARGV[2] == 'patient' then return {ARGV[1], 'wait'} end
elseif r[1] ~= ARGV[4] then return {ARGV[1], 'no'} end
leave(KEYS[1], ARGV[3])
if redis.call('DEL', KEYS[1]) == 0 then return {ARGV[1], 'no'} end
return {ARGV[1], 'yes', r[2] or '', r[3] or ''}`,
};

/** On one server. KEYS old record, new record, index; ARGV now, version, record, the old key. Answers yes or no. */
export const rotate: Script = {
  source: put + `
if redis.call('HGET', KEYS[2], 'v') == ARGV[1] then return {ARGV[1], 'yes'} end
if redis.call('HGET', KEYS[1], 'v') ~= ARGV[4] or taken(KEYS[2], ARGV[3]) then return {ARGV[1], 'no'} end
put(KEYS[2], 5, KEYS[3], rest(ARGV[11], ''), {})
leave(KEYS[1], ARGV[12])
redis.call('DEL', KEYS[1])
return {ARGV[1], 'yes'}`,
};

/** KEYS record on its way; ARGV version, life, latest end. Answers yes or no. */
export const activate: Script = {
  source: clock + rest + `
if redis.call('HGET', KEYS[1], 'v') ~= ARGV[3] then return {ARGV[1], 'no'} end
-- Sent twice, it may find the session touched already
if redis.call('HDEL', KEYS[1], 'p') == 1 then redis.call('PEXPIRE', KEYS[1], whole(rest(ARGV[4], ARGV[5]))) end
return {ARGV[1], 'yes'}`,
};

/** KEYS index; ARGV entry, life. Answers the latest end that the record may be given: half the slack is for the clocks. */
export const index: Script = {
  source: enter + `
return {ARGV[1], whole(enter(KEYS[1], ARGV[3], ARGV[4]) + ${slack / 2})}`,
};

/** KEYS index; ARGV entry. */
export const unindex: Script = {
  source: `
redis.call('ZREM', KEYS[1], ARGV[3])
return {ARGV[1]}`,
};

/** KEYS index. Answers the entries. */
export const members: Script = {
  source: clock + `
return {ARGV[1], redis.call('ZRANGE', KEYS[1], whole(clock() - ${slack}), '+inf', 'BYSCORE')}`,
};

/**
 * KEYS prefix, which the client may have put its own before; ARGV cursor. Answers the next cursor, then created, expires and
 * bytes of each record of this step; empty texts for what is no record of this format. A record on its way is left out.
 */
export const sizes: Script = {
  source: `
local pattern = string.gsub(KEYS[1], '[*?%[%]\\\\]', '\\\\%0') .. string.rep('?', 64)
local step = redis.call('SCAN', ARGV[3], 'MATCH', pattern, 'COUNT', 250)
local fields = {}
for _, at in ipairs(step[2]) do
  local key = string.sub(at, -64)
  if #at == #KEYS[1] + 64 and not string.find(key, '[^0-9a-f]') then
    local r = redis.call('TYPE', at).ok == 'hash' and redis.call('HMGET', at, 'f', 'k', 'c', 'e', 'p') or {}
    local good = r[1] == '${FORMAT}' and r[2] == key and r[3] and r[4]
    if not r[5] then
      fields[#fields + 1] = good and r[3] or ''
      fields[#fields + 1] = good and r[4] or ''
      fields[#fields + 1] = good and tostring(redis.call('HSTRLEN', at, 'd')) or ''
    end
  end
end
return {ARGV[1], step[1], fields}`,
};
