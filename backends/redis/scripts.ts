/**
 * The server-side scripts. Each one is atomic, and starts its answer with the token that the question carried, so that an
 * answer can only reach the question it belongs to, and the server's time.
 *
 * A record is a hash: `f` format, `k` its own key, `v` version, `d` data, `c` created, `t` touched, `e` expires, `u` user as JSON
 * or empty, `s` the sums of the data and of the record, `z` the sum of the instants, `w` the versions before this one, in a cluster `i`
 * its entry in the index, and `p` while it is on its way.
 *
 * The token of a write becomes the version. A client may send a write twice: ioredis and Bun do, when the connection broke before the
 * answer. A record that has, or had, the token already is therefore a success; told as a conflict, the change would be
 * made once more on top of itself.
 *
 * Every script is given a token, a mode and a time first. The mode is:
 * - `alone`: all keys are on one server. Whatever changes a record changes the index of its user in the same step. The index
 *   of a user whom only the record knows is no entry of KEYS, which is allowed without a cluster: its name is made of what stands before
 *   the record's key, the client's own prefix included, and the user.
 * - `patient`: a cluster, so the index is elsewhere; no key is touched but those in KEYS. A record on its way answers `wait`.
 * - empty: the same, with an answer for a record on its way too.
 *
 * The time is from when until when, by the clock of the server, something may be written. Otherwise the answer is `late`, and nothing
 * has been: a command that lay about, in a server that stood still or in a client without a connection, does nothing any more
 * when its caller was told that it failed. Before its time it comes only if the clock is not the one that the client thinks.
 */

/** A script and, once known, its name on the server. */
export interface Script {
  /** Lua. */
  readonly source: string;
  /** The SHA-1 of the source, in hex. */
  sha?: string;
}

/** The format that this version of the library writes. */
export const FORMAT = "2";

/** An entry stays in an index for so much longer than its record lives, in milliseconds, by the clock of the index. */
const slack = 3_600_000;

/** What every script begins with. */
export const head = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local late = now < tonumber(ARGV[3]) or now > tonumber(ARGV[4])
local alone, patient = ARGV[2] == 'alone', ARGV[2] == 'patient'
local args = {unpack(ARGV, 5)}
local function answer(...) return {ARGV[1], string.format('%.3f', now), ...} end
local function whole(number) return string.format('%.0f', number) end
`;

/** An entry's end, its score, only ever moves up; an index loses its dead entries, and lives no longer than the rest. */
const enter = `
local function enter(index, entry, life)
  redis.call('ZADD', index, 'GT', whole(now + life), entry)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', whole(now - ${slack}))
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  if last[2] then redis.call('PEXPIRE', index, whole(last[2] - now + ${slack})) end
  return now + life
end
`;

const beside = `
local function beside(at, key, user) return string.sub(at, 1, -#key - 1) .. 'user:' .. user end
-- Takes a record that is replaced or removed out of its user's index, unless it stays there. A damaged index is no obstacle
local function leave(at, key, stays, known)
  local user = alone and (known or redis.pcall('HGET', at, 'u'))
  if type(user) == 'string' and user ~= '' and user ~= stays then redis.pcall('ZREM', beside(at, key, user), key) end
end
`;

/** What is left of a life, but not past the latest end that the index has been told of. */
const rest = `
local function rest(life, latest)
  if latest == '' then return tonumber(life) end
  return math.min(life, latest - now)
end
`;

/** From args[n] on: key, data, created, touched, expires, user, sums, sum of the instants, life, entry in the index, latest end. */
const put = enter + beside + rest + `
local function put(at, n, index, life, more, known)
  local key, user, goes = args[n], args[n + 5], life and life <= 0
  -- First: what may fail
  if index and not goes then enter(index, key, life) end
  leave(at, key, not goes and user, known)
  local fields = {'f', '${FORMAT}', 'v', ARGV[1], 'k', key, 'd', args[n + 1], 'c', args[n + 2],
    't', args[n + 3], 'e', args[n + 4], 'u', user, 's', args[n + 6], 'z', args[n + 7]}
  local gone = {}
  for _, field in ipairs({'i', 'p', 'w'}) do
    local value = more[field] or ''
    if value == '' then gone[#gone + 1] = field
    else
      fields[#fields + 1] = field
      fields[#fields + 1] = value
    end
  end
  redis.call('HSET', at, unpack(fields))
  if gone[1] then redis.call('HDEL', at, unpack(gone)) end
  -- Last: a record that has ended goes at once, and nothing may be written after that
  if life then redis.call('PEXPIRE', at, whole(life)) end
end
-- An expired record is free, anything else that is there is not
local function taken(at, instant)
  if redis.call('EXISTS', at) == 0 then return false end
  local ends = tonumber(redis.call('HGET', at, 'e') or '')
  return not ends or ends > tonumber(instant)
end
`;

/** The fields that make a record, as the load script answers them. */
export const recordFields: readonly string[] = ["f", "k", "v", "d", "c", "t", "e", "u", "s", "z", "p"];
const fields = recordFields.map((field) => `'${field}'`).join();

/** KEYS record. Answers f, k, v, d, c, t, e, u, s, z, p, or wait. */
export const load: Script = {
  source: head + `
local r = redis.call('HMGET', KEYS[1], ${fields})
if r[${recordFields.length}] and patient then return answer('wait') end
if not r[1] and redis.call('EXISTS', KEYS[1]) == 1 then r[1] = '' end
return answer(unpack(r))`,
};

/** KEYS record, index; args now, on its way (empty or 1), record. Answers yes, no, late, or wait. */
export const create: Script = {
  source: head + put + `
local r = redis.call('HMGET', KEYS[1], 'v', 'p')
if r[1] == ARGV[1] then return answer('yes') end
if r[2] and patient then return answer('wait') end
if taken(KEYS[1], args[1]) then return answer('no') end
if late then return answer('late') end
put(KEYS[1], 3, KEYS[2], rest(args[11], args[13]), {p = args[2], i = args[12]})
return answer('yes')`,
};

/**
 * KEYS record, index; args version, record. Answers yes, the user before and the entry before; no; late; or, in a cluster, index
 * and the entry, empty for a new one: the index comes first.
 */
export const save: Script = {
  source: head + put + `
local r = redis.call('HMGET', KEYS[1], 'v', 'e', 'u', 'w', 'i')
local had = (r[1] or '') .. ' ' .. (r[4] or '')
if string.find(had, ARGV[1] .. ' ', 1, true) then return answer('yes') end
if r[1] ~= args[1] then return answer('no') end
local life, entry = rest(args[10], args[12]), args[11]
if not alone and args[7] ~= '' and args[12] == '' then
  entry = r[3] == args[7] and r[5] or ''
  if r[2] ~= args[6] or r[3] ~= args[7] then return answer('index', entry) end
  -- The end stays, as the index knows it: counted anew by a script that comes late it would be another
  life = false
end
if late then return answer('late') end
put(KEYS[1], 2, KEYS[2], life, {w = string.sub(had, 1, 120), i = entry}, r[3])
return answer('yes', r[3] or '', r[5] or '')`,
};

/**
 * KEYS record; args key, touched, expires, their sum, life, entry, latest end. Answers yes, no, late, wait or, in a cluster, index, the user
 * and the entry: the index comes first.
 */
export const touch: Script = {
  source: head + enter + beside + rest + `
local r = redis.call('HMGET', KEYS[1], 'v', 'u', 'p', 'i')
if not r[1] then return answer('no') end
if r[3] then return answer(patient and 'wait' or 'no') end
local life, user, entry = rest(args[5], args[7]), r[2] or '', r[4] or ''
if user ~= '' and not alone and (args[7] == '' or args[6] ~= entry) then return answer('index', user, entry) end
if late then return answer('late') end
if user ~= '' and alone then
  if life > 0 then enter(beside(KEYS[1], args[1], user), args[1], life) else leave(KEYS[1], args[1]) end
end
redis.call('HSET', KEYS[1], 't', args[2], 'e', args[3], 'z', args[4])
redis.call('PEXPIRE', KEYS[1], whole(life))
return answer('yes')`,
};

/** KEYS record; args key, version (empty: any). Answers yes, the user and the entry; no; late; or wait. */
export const remove: Script = {
  source: head + beside + `
local r = redis.pcall('HMGET', KEYS[1], 'v', 'u', 'i', 'p')
if args[2] ~= '' and r[1] ~= args[2] or redis.call('EXISTS', KEYS[1]) == 0 then return answer('no') end
if args[2] == '' and r[4] and patient then return answer('wait') end
if late then return answer('late') end
leave(KEYS[1], args[1])
redis.call('DEL', KEYS[1])
return answer('yes', r[2] or '', r[3] or '')`,
};

/** On one server. KEYS old record, new record, index; args now, version, record, the old key. Answers yes, no or late. */
export const rotate: Script = {
  source: head + put + `
if redis.call('HGET', KEYS[2], 'v') == ARGV[1] then return answer('yes') end
if redis.call('HGET', KEYS[1], 'v') ~= args[2] or taken(KEYS[2], args[1]) then return answer('no') end
if late then return answer('late') end
put(KEYS[2], 3, KEYS[3], rest(args[11], ''), {})
leave(KEYS[1], args[12])
redis.call('DEL', KEYS[1])
return answer('yes')`,
};

/** KEYS record on its way; args version, life, latest end. Answers yes, no or late. */
export const activate: Script = {
  source: head + rest + `
local r = redis.call('HMGET', KEYS[1], 'v', 'p')
if r[1] ~= args[1] then return answer('no') end
-- Sent twice, it may find the session touched already
if not r[2] then return answer('yes') end
if late then return answer('late') end
redis.call('HDEL', KEYS[1], 'p')
redis.call('PEXPIRE', KEYS[1], whole(rest(args[2], args[3])))
return answer('yes')`,
};

/** KEYS index; args entry, life. Answers late, or the latest end that the record may be given: half the slack is for the clocks. */
export const index: Script = {
  source: head + enter + `
if late then return answer('late') end
return answer(whole(enter(KEYS[1], args[1], args[2]) + ${slack / 2}))`,
};

/** KEYS index; args entry. Answers late or nothing. */
export const unindex: Script = {
  source: head + `
if late then return answer('late') end
redis.call('ZREM', KEYS[1], args[1])
return answer()`,
};

/** KEYS index. Answers the entries. */
export const members: Script = {
  source: head + `
return answer(redis.call('ZRANGE', KEYS[1], whole(now - ${slack}), '+inf', 'BYSCORE'))`,
};

/**
 * KEYS prefix, which the client may have put its own before; args cursor. Answers the next cursor, then key, f, k, v, d, c, t, e, u, s, z and p
 * of each record of this step; f is empty where something else is in its place.
 */
export const page: Script = {
  source: head + `
local pattern = string.gsub(KEYS[1], '[*?%[%]\\\\]', '\\\\%0') .. string.rep('?', 64)
local step = redis.call('SCAN', args[1], 'MATCH', pattern, 'COUNT', 50)
local found = {}
for _, at in ipairs(step[2]) do
  local key = string.sub(at, -64)
  if #at == #KEYS[1] + 64 and not string.find(key, '[^0-9a-f]') then
    local r = redis.call('TYPE', at).ok == 'hash' and redis.call('HMGET', at, ${fields}) or {}
    found[#found + 1] = key
    for n = 1, ${recordFields.length} do found[#found + 1] = r[n] or n == 1 and '' end
  end
end
return answer(step[1], found)`,
};
