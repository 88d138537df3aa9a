/**
 * The server-side scripts. Each one is atomic, and starts its answer with the token that the question carried, so that an
 * answer can only reach the question it belongs to, and the server's time.
 *
 * A record is a string: see `record.ts`. The token of a write becomes the version. A client may send a write twice: ioredis and Bun do,
 * when the connection broke before the answer. A record that has, or had, the token already is therefore a success; told as a conflict,
 * the change would be made once more on top of itself. What is removed leaves a mark for the time in which that can happen, so that a
 * creation that comes twice does not bring it back.
 *
 * Every script is given a token, a mode and a time first. The mode is:
 * - `alone`: all keys are on one server. Whatever changes a record changes the index of its user in the same step. The index
 *   of a user whom only the record knows is no entry of KEYS, which is allowed without a cluster: its name is made of what stands before
 *   the record's key, the client's own prefix included, and the user.
 * - empty: a cluster, so the index is elsewhere; no key is touched but those in KEYS.
 *
 * The time is from when until when, by the clock of the server, something may be written. Otherwise the answer is `late`, and nothing
 * has been: a command that lay about, in a server that stood still or in a client without a connection, does nothing any more
 * when its caller was told that it failed. Before its time it comes only if the clock is not the one that the client thinks.
 */

import { FORMAT, instantsAt } from "./record.ts";

/** A script and, once known, its name on the server. */
export interface Script {
  /** Lua. */
  readonly source: string;
  /** The SHA-1 of the source, in hex. */
  sha?: string;
}

/** An entry stays in an index for so much longer than its record lives, in milliseconds, by the clock of the index. */
const slack = 3_600_000;

/** What every script begins with. */
export const head = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local late = now < tonumber(ARGV[3]) or now > tonumber(ARGV[4])
local alone = ARGV[2] == 'alone'
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

/** A record without its data; `nil` for none, for a mark, and for what this version of the library has not written. */
const open = `
local function open(at)
  local text = redis.call('GETRANGE', at, 0, 1023)
  local sum, touched, ends, version, entry, had = string.match(text,
    '^${FORMAT} %x+ +(%d+) +(%S+) +(%S+) (%S+) %d+ %d+ %S+ (%S+) (%S*)\\n')
  if not version then return nil, text end
  local from = string.find(text, '\\n', 1, true) + 1
  if not string.find(text, '\\n', from, true) then text = redis.call('GETRANGE', at, 0, 16383) end
  local user = string.sub(text, from, (string.find(text, '\\n', from, true) or 0) - 1)
  return {sum = sum, touched = touched, ends = ends, version = version, had = version .. ',' .. had, user = user,
    entry = entry == '-' and '' or entry}, text
end
local function isMark(text) return string.sub(text, 1, 2) == 'x ' end
`;

/** The index of a user in the same step, where it is on the same server. A damaged index is no obstacle to leaving it. */
const beside = `
local function beside(at, user) return string.sub(at, 1, -65) .. 'user:' .. user end
local function leave(at, user)
  if alone and user ~= '' then redis.pcall('ZREM', beside(at, user), string.sub(at, -64)) end
end
`;

/** What is left of a life, but not past the latest end that the index has been told of. */
const rest = `
local function rest(life, latest)
  if latest == '' then return tonumber(life) end
  return math.min(life, latest - now)
end
`;

/** Writes a record; without a life its end stays. One that has ended already goes at once. */
const put = enter + beside + rest + `
local function put(at, front, back, user, entry, had, life, before)
  local goes = life and life <= 0
  -- First: what may fail
  if alone and user ~= '' and life and not goes then enter(beside(at, user), string.sub(at, -64), life) end
  if before and (goes or before ~= user) then leave(at, before) end
  if goes then return redis.call('DEL', at) end
  if entry == '' then entry = '-' end
  local text = front .. ' ' .. entry .. ' ' .. string.sub(had, 1, 120) .. back
  if life then redis.call('SET', at, text, 'PX', whole(math.max(life, 1))) else redis.call('SET', at, text, 'KEEPTTL') end
end
`;

/** KEYS record. Answers its text, or nothing. */
export const load: Script = {
  source: head + `
local text = redis.call('GET', KEYS[1])
if text and string.sub(text, 1, 2) == 'x ' then text = false end
return answer(text)`,
};

/** KEYS record; args now, front, back, user, life, entry in the index, latest end. Answers yes, no or late. */
export const create: Script = {
  source: head + open + put + `
local r, text = open(KEYS[1])
local had = r and r.had or isMark(text) and text or ''
if string.find(had, ARGV[1] .. ',', 1, true) then return answer('yes') end
-- An expired record is free, and a mark; anything else that is there is not
if text ~= '' and not isMark(text) and not (r and tonumber(r.ends) <= tonumber(args[1])) then return answer('no') end
if late then return answer('late') end
put(KEYS[1], args[2], args[3], args[4], args[6], '', rest(args[5], args[7]), r and r.user)
return answer('yes')`,
};

/**
 * KEYS record; args version, front, back, user, expires, life, entry in the index, latest end. Answers yes, the user before and the entry
 * before; no; late; or, in a cluster, index and the entry, empty for a new one: the index comes first.
 */
export const save: Script = {
  source: head + open + put + `
local r = open(KEYS[1])
if not r then return answer('no') end
if string.find(r.had, ARGV[1] .. ',', 1, true) then return answer('yes') end
if r.version ~= args[1] then return answer('no') end
local user, life, entry = args[4], rest(args[6], args[8]), args[7]
-- An end that stays is the one that index and key know already
local stays = r.user == user and r.ends == args[5]
if not alone and user ~= '' and args[8] == '' then
  entry = r.user == user and r.entry or ''
  if not stays then return answer('index', entry) end
end
if late then return answer('late') end
put(KEYS[1], args[2], args[3], user, entry, r.had, (not stays or life <= 0) and life, r.user)
return answer('yes', r.user, r.entry)`,
};

/**
 * KEYS record; args version, touched, expires, what is written for them, life, entry, latest end. Answers yes; no; late; other and the two
 * instants as they have to be, if only one of them is later than before; or, in a cluster, index, the user and the entry: the index comes first.
 */
export const touch: Script = {
  source: head + open + enter + beside + rest + `
local r = open(KEYS[1])
if not r or r.version ~= args[1] then return answer('no') end
local isLater, endsLater = tonumber(args[2]) >= tonumber(r.touched), tonumber(args[3]) >= tonumber(r.ends)
if not isLater and not endsLater then return answer('yes') end
if isLater ~= endsLater then
  return answer('other', isLater and args[2] or r.touched, endsLater and args[3] or r.ends)
end
local life = rest(args[5], args[7])
local moves = tonumber(args[3]) > tonumber(r.ends)
if moves and r.user ~= '' and not alone and (args[7] == '' or args[6] ~= r.entry) then
  return answer('index', r.user, r.entry)
end
if late then return answer('late') end
if moves and r.user ~= '' and alone then
  if life > 0 then enter(beside(KEYS[1], r.user), string.sub(KEYS[1], -64), life) else leave(KEYS[1], r.user) end
end
redis.call('SETRANGE', KEYS[1], ${instantsAt}, args[4])
if moves then redis.call('PEXPIRE', KEYS[1], whole(life)) end
return answer('yes')`,
};

/** KEYS record; args the time that a write has, in milliseconds. Answers yes, the user and the entry; no; or late. */
export const remove: Script = {
  source: head + open + beside + `
if redis.call('EXISTS', KEYS[1]) == 0 then return answer('no') end
local r, text
if redis.call('TYPE', KEYS[1]).ok == 'string' then r, text = open(KEYS[1]) end
if text and isMark(text) then return answer('no') end
if late then return answer('late') end
if r then leave(KEYS[1], r.user) end
redis.call('SET', KEYS[1], 'x ' .. (r and r.had or ''), 'PX', args[1])
return answer('yes', r and r.user or '', r and r.entry or '')`,
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

/**
 * KEYS index; args the end and the name of the entry that the page begins after, if any, and the size of the page. Answers the entries, each
 * with its end. Ends only move up, so none that was to come goes back before the page.
 */
export const members: Script = {
  source: head + `
local from, after, size = args[1], args[2], tonumber(args[3])
local page, offset = {}, 0
while #page < size * 2 do
  local some = redis.call('ZRANGE', KEYS[1], from == '' and whole(now - ${slack}) or from, '+inf', 'BYSCORE',
    'LIMIT', offset, size, 'WITHSCORES')
  for i = 1, #some, 2 do
    if #page < size * 2 and not (some[i + 1] == from and some[i] <= after) then
      page[#page + 1] = some[i]
      page[#page + 1] = some[i + 1]
    end
  end
  if #some < size * 2 then break end
  offset = offset + size
end
return answer(page)`,
};

/** KEYS record, one or, on one server, several. Answers the beginning of each text, with all but the data. */
export const heads: Script = {
  source: head + `
local found = {}
for i, at in ipairs(KEYS) do
  local text = redis.call('TYPE', at).ok == 'string' and redis.call('GETRANGE', at, 0, 2047) or ''
  if #text == 2048 then
    local _, lines = string.gsub(text, '\\n', '')
    if lines < 3 then text = redis.call('GETRANGE', at, 0, 65535) end
  end
  found[i] = text
end
return answer(found)`,
};

/**
 * KEYS prefix, which the client may have put its own before; args cursor. Answers the next cursor, then the key and the text of each
 * record of this step, empty for what is no text.
 */
export const page: Script = {
  source: head + `
local pattern = string.gsub(KEYS[1], '[*?%[%]\\\\]', '\\\\%0') .. string.rep('?', 64)
local step = redis.call('SCAN', args[1], 'MATCH', pattern, 'COUNT', 100)
local found = {}
for _, at in ipairs(step[2]) do
  local key = string.sub(at, -64)
  if #at == #KEYS[1] + 64 and not string.find(key, '[^0-9a-f]') then
    found[#found + 1] = key
    found[#found + 1] = redis.call('TYPE', at).ok == 'string' and redis.call('GET', at) or ''
  end
end
return answer(step[1], found)`,
};
