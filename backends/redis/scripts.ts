/**
 * The server-side scripts. Each one is atomic, and starts its answer with the token that the question carried, so that an
 * answer can only reach the question it belongs to, and the server's time: its seconds, its microseconds.
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

import {
  endsAt,
  FORMAT,
  instantsAt,
  numberWidth,
  promisedAt,
  promisedWidth,
  sumWidth,
  touchedAt,
  userAt,
  versionAt,
  versionWidth,
} from "./record.ts";

/** A script and, once known, its name on the server. */
export interface Script {
  /** Lua. */
  readonly source: string;
  /** The SHA-1 of the source, in hex. */
  sha?: string;
}

/** An entry stays in an index for so much longer than it promises, in milliseconds, by the clock of the index. */
const slack = 3_600_000;

/**
 * What every script begins with. An answer is the token, the server's time in its two parts, and what was asked for. What follows is plain
 * code rather than functions where each save goes through it: to make a function costs Redis as much as a command.
 */
export const head = `
local call, sub, find = redis.call, string.sub, string.find
local time = call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local late = now < tonumber(ARGV[3]) or now > tonumber(ARGV[4])
local alone = ARGV[2] == 'alone'
`;

/** An answer. */
const answer = (...values: string[]) => `return {${["ARGV[1]", "time[1]", "time[2]", ...values].join(", ")}}`;

/** A part of fixed place; Lua counts from 1. */
const part = (at: number, width: number) => `sub(text, ${at + 1}, ${at + width})`;

/**
 * Opens a record without its data: `version`, which is `nil` for none, for a mark, and for what this version of the library has not written;
 * `user`, and with `first` and `second`, where lines end, what is read below.
 */
const open = `
local at, version, user = KEYS[1]
local text = call('GETRANGE', at, 0, 1023)
local isMark = sub(text, 1, 2) == 'x '
local isOurs = sub(text, 1, 2) == '${FORMAT} '
local first = isOurs and find(text, '\\n', ${userAt + 1}, true)
local second = first and find(text, '\\n', first + 1, true)
if isOurs and not second and #text == 1024 then
  text = call('GETRANGE', at, 0, 16383)
  first = find(text, '\\n', ${userAt + 1}, true)
  second = first and find(text, '\\n', first + 1, true)
end
if second then version, user = ${part(versionAt, versionWidth)}, sub(text, ${userAt + 1}, first - 1) end
`;

const touched: string = part(touchedAt, numberWidth);
const ends: string = part(endsAt, numberWidth);
const former: string = `sub(text, first + ${versionWidth + 2}, second - 1)`;

/** The versions that a record had, its own first. */
const had = `version .. ',' .. sub(${former}, 1, ${3 * (versionWidth + 1)})`;

/** The entry of a record in an index of a cluster; empty for none, and for one that is damaged, which a client might not give back. */
const entry = `
local entry = sub(text, first + 1, first + ${versionWidth})
if find(entry, '[^0-9a-z]') then entry = '' end
`;

/**
 * Until when the index holds the entry of a record. It stands there twice: where damage has made a difference, the index has promised nothing.
 */
const promised = `
local promised = ${part(promisedAt, promisedWidth)}
promised = promised == ${part(promisedAt + promisedWidth + 1, promisedWidth)} and tonumber(promised) or 0
`;

/** The same, as a record has it. */
const promise = (value: string) => `string.rep(string.format('%${promisedWidth}.0f', ${value}) .. ' ', 2)`;
const noPromise = `'${`${"0".padStart(promisedWidth)} `.repeat(2)}'`;
const noEntry = `'${"-".padEnd(versionWidth)}'`;

/** The index of a user on the same server. */
const beside = (user: string) => `sub(at, 1, -65) .. 'user:' .. ${user}`;

/** Takes a record out of it in the same step. A damaged index is no obstacle. */
const leave = (user: string) =>
  `if alone and ${user} ~= '' then redis.pcall('ZREM', ${beside(user)}, sub(at, -64)) end`;

/**
 * Enters a session in an index for a quarter longer than it is to live, and sets until when: a life that is renewed needs the index again
 * when it goes past that. An entry's end, its score, only ever moves up; an index loses its dead entries, and lives no longer than the rest.
 */
const enter = (index: string, entry: string, life: string) => `
do
  local index = ${index}
  promised = now + ${life} * 1.25
  call('ZADD', index, 'GT', string.format('%.0f', promised), ${entry})
  call('ZREMRANGEBYSCORE', index, '-inf', string.format('%.0f', now - ${slack}))
  local last = call('ZRANGE', index, -1, -1, 'WITHSCORES')
  if last[2] then call('PEXPIRE', index, string.format('%.0f', last[2] - now + ${slack})) end
end
`;

/** Enters the user of a record that is to live, where the index is on the same server and has not promised as much. The first that may fail. */
const enterBeside = (user: string) => `
if alone and ${user} ~= '' and life and life > 0 and now + life > promised then
${enter(beside(user), "sub(at, -64)", "life")}
end
`;

/** Writes the record in the parts that begin with this argument. Without a life the end stays; one that is over takes the record away. */
const put = (from: number, user: string, had: string) => `
if life and life <= 0 then
  call('DEL', at)
else
  local text = ARGV[${from}] .. (${user} == '' and ${noPromise} or ${promise("promised")}) .. ARGV[${
  from + 1
}] ..
    (entry == '' and ${noEntry} or entry) .. ' ' .. ${had} .. ARGV[${from + 2}]
  if life then call('SET', at, text, 'PX', string.format('%.0f', math.max(life, 1))) else call('SET', at, text, 'KEEPTTL') end
end
`;

/** Damaged instants stay so: their sum, begun over the key, has to stand there. Bit by bit is good enough for one touch in an interval. */
const checkInstants = (keySum: number) => `
local from, to, crc = tonumber(touched), tonumber(ends), bit.bnot(tonumber(ARGV[${keySum}]))
local bytes = from and to and struct.pack('>dd', from, to) or ''
for i = 1, #bytes do
  crc = bit.bxor(crc, string.byte(bytes, i))
  for _ = 1, 8 do crc = bit.bxor(bit.rshift(crc, 1), bit.band(-bit.band(crc, 1), 0xedb88320)) end
end
if bytes == '' or tonumber(${part(instantsAt, sumWidth)}) ~= bit.bnot(crc) % 4294967296 then ${
  answer("'damaged'")
} end
`;

/** KEYS record. Answers its text, or nothing. */
export const load: Script = {
  source: head + `
local text = call('GET', KEYS[1])
if text and sub(text, 1, 2) == 'x ' then text = false end
${answer("text")}`,
};

/** KEYS record; args now, the three parts, user, life, entry in the index, until when the index holds it. Answers yes, no or late. */
export const create: Script = {
  source: head + open + `
local had = version and ${had} or isMark and text or ''
if find(had, ARGV[1] .. ',', 1, true) then ${answer("'yes'")} end
-- An expired record is free, and a mark; anything else that is there is not
local isFree = text == '' or isMark or version and (tonumber(${ends}) or math.huge) <= tonumber(ARGV[5])
if not isFree then ${answer("'no'")} end
if late then ${answer("'late'")} end
local life, entry, promised = tonumber(ARGV[10]), ARGV[11], tonumber(ARGV[12])
if not alone and ARGV[9] ~= '' then life = math.min(life, promised - now) end
${enterBeside("ARGV[9]")}
if version and (life <= 0 or user ~= ARGV[9]) then ${leave("user")} end
${put(6, "ARGV[9]", "''")}
${answer("'yes'")}`,
};

/**
 * KEYS record; args version, the three parts, user, expires, life, entry in the index, until when the index holds it. Answers yes, and the
 * user and the entry before if the user was another; no; late; or, in a cluster, index and the entry, empty for a new one: the index comes first.
 */
export const save: Script = {
  source: head + open + `
if version ~= ARGV[5] then
  ${answer(`version and find(${had}, ARGV[1] .. ',', 1, true) and 'yes' or 'no'`)}
end
local life, same = tonumber(ARGV[11]), user == ARGV[9]
${entry + promised}
local before = entry
if not same then entry, promised = '', 0 end
if ARGV[13] ~= '0' then entry, promised = ARGV[12], math.max(promised, tonumber(ARGV[13])) end
-- An end that stays is the one that the key knows already
if same and ${ends} == ARGV[10] and life > 0 then
  life = nil
elseif not alone and ARGV[9] ~= '' and life > 0 and now + life > promised then
  if ARGV[13] == '0' then ${answer("'index'", "entry")} end
  life = promised - now
end
if late then ${answer("'late'")} end
${enterBeside("ARGV[9]")}
if not same or life and life <= 0 then ${leave("user")} end
${put(6, "ARGV[9]", had)}
if same then ${answer("'yes'")} end
${answer("'yes'", "user", "before")}`,
};

/**
 * KEYS record; args version, touched, expires, what is written for them, the sum of the key, life, entry in the index, until when
 * the index holds it. Answers yes; no; late; damaged; other and the two instants as they have to be, if only one of them is later than before; or, in a cluster, index, the
 * user and the entry: the index comes first.
 */
export const touch: Script = {
  source: head + open + `
if version ~= ARGV[5] then ${answer("'no'")} end
local touched, ends = ${touched}, ${ends}
${checkInstants(9)}
local isLater, endsLater = tonumber(ARGV[6]) >= tonumber(touched), tonumber(ARGV[7]) >= tonumber(ends)
if not isLater and not endsLater then ${answer("'yes'")} end
if isLater ~= endsLater then ${
    answer("'other'", "isLater and ARGV[6] or touched", "endsLater and ARGV[7] or ends")
  } end
local life = tonumber(ARGV[7]) > tonumber(ends) and tonumber(ARGV[10])
${entry + promised}
local before = promised
if not alone and user ~= '' and life and life > 0 and now + life > promised then
  if ARGV[12] == '0' or ARGV[11] ~= entry then ${answer("'index'", "user", "entry")} end
  promised = math.max(promised, tonumber(ARGV[12]))
  life = math.floor(math.min(life, promised - now))
end
if late then ${answer("'late'")} end
${enterBeside("user")}
if life and life <= 0 then ${leave("user")} end
call('SETRANGE', at, ${instantsAt}, ARGV[8])
if promised ~= before then call('SETRANGE', at, ${promisedAt}, ${promise("promised")}) end
if life then call('PEXPIRE', at, string.format('%.0f', life)) end
${answer("'yes'")}`,
};

/** KEYS record; args the time that a write has, in milliseconds. Answers yes, the user and the entry; no; or late. */
export const remove: Script = {
  source: head + `
if call('EXISTS', KEYS[1]) == 0 then ${answer("'no'")} end
if call('TYPE', KEYS[1]).ok ~= 'string' then
  if late then ${answer("'late'")} end
  call('SET', KEYS[1], 'x ', 'PX', ARGV[5])
  ${answer("'yes'")}
end
${open}
if isMark then ${answer("'no'")} end
if late then ${answer("'late'")} end
if not version then
  call('SET', at, 'x ', 'PX', ARGV[5])
  ${answer("'yes'")}
end
${entry + leave("user")}
call('SET', at, 'x ' .. ${had}, 'PX', ARGV[5])
${answer("'yes'", "user", "entry")}`,
};

/** KEYS index; args entry, life. Answers late, or the latest end that the record may be given: half the slack is for the clocks. */
export const index: Script = {
  source: head + `
if late then ${answer("'late'")} end
local promised
${enter("KEYS[1]", "ARGV[5]", "ARGV[6]")}
${answer(`string.format('%.0f', promised + ${slack / 2})`)}`,
};

/** KEYS index; args entry. Answers late or nothing. */
export const unindex: Script = {
  source: head + `
if late then ${answer("'late'")} end
call('ZREM', KEYS[1], ARGV[5])
${answer()}`,
};

/**
 * KEYS index; args the end and the name of the entry that the page begins after, if any, and the size of the page. Answers the entries, each
 * with its end. Ends only move up, so none that was to come goes back before the page.
 */
export const members: Script = {
  source: head + `
local from, after, byte = ARGV[5], ARGV[6], string.byte
if from == '' then from = string.format('%.0f', now - ${slack}) end
local rank = call('ZCOUNT', KEYS[1], '-inf', '(' .. from)
if after ~= '' then
  -- Of those with the same end: by their names
  local most = rank + call('ZCOUNT', KEYS[1], from, from)
  while rank < most do
    local middle, i = math.floor((rank + most) / 2), 1
    local name = call('ZRANGE', KEYS[1], middle, middle)[1]
    -- Byte by byte, as Redis does: to Lua one text comes before another as the language of the server has it
    while i <= #name and byte(name, i) == byte(after, i) do i = i + 1 end
    if i > #name or i <= #after and byte(name, i) < byte(after, i) then rank = middle + 1 else most = middle end
  end
end
${answer("call('ZRANGE', KEYS[1], rank, rank + ARGV[7] - 1, 'WITHSCORES')")}`,
};

/** KEYS record, one or, on one server, several. Answers the beginning of each text, with all but the data. */
export const heads: Script = {
  source: head + `
local found = {}
for i, at in ipairs(KEYS) do
  local text = call('TYPE', at).ok == 'string' and call('GETRANGE', at, 0, 2047) or ''
  if #text == 2048 then
    local _, lines = string.gsub(text, '\\n', '')
    if lines < 4 then text = call('GETRANGE', at, 0, 65535) end
  end
  found[i] = text
end
${answer("found")}`,
};

/**
 * KEYS prefix, which the client may have put its own before; args cursor. Answers the next cursor, then the key and the text of each
 * record of this step, empty for what is no text.
 */
export const page: Script = {
  source: head + `
local pattern = string.gsub(KEYS[1], '[*?%[%]\\\\]', '\\\\%0') .. string.rep('?', 64)
local step = call('SCAN', ARGV[5], 'MATCH', pattern, 'COUNT', 100)
local found = {}
for _, at in ipairs(step[2]) do
  local key = sub(at, -64)
  if #at == #KEYS[1] + 64 and not find(key, '[^0-9a-f]') then
    found[#found + 1] = key
    found[#found + 1] = call('TYPE', at).ok == 'string' and call('GET', at) or ''
  end
end
${answer("step[1], found")}`,
};
