"""The scripts that Redis runs on budgets, each as one step that nothing comes between.

Of each budget and period there are three keys: `spent` (what the rows of usage and the calls since say, and the
`generation` that it was read in), `held` (what calls that go on have set aside: most, until when, generation), and
`reading` (who is reading the rows just now). Numbers are whole; times are milliseconds of Redis's own clock.
"""

# Numbers of this size would be written as powers of ten.
_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
"""

# KEYS: ready, then spent, held, reading of each budget. ARGV: call, lease, grace, then wanted and limit of each.
# An entry that ran out is of somebody who died: nobody knows what was spent, so the rows are read again. One that is
# `over` only keeps a renewal that comes late from setting aside what nobody takes any more.
RESERVE = (
    _NOW
    + """
local call, lease, grace = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local ready = redis.call('GET', KEYS[1])
if not ready then
  ready = now + grace
  redis.call('SET', KEYS[1], whole(ready))
end
if tonumber(ready) > now then return {'wait', tonumber(ready) - now} end
local count = (#KEYS - 1) / 3
local spent, held, generation, missing = {}, {}, {}, {'missing'}
for i = 1, count do
  local row, holds, reading = KEYS[3 * i - 1], KEYS[3 * i], KEYS[3 * i + 1]
  held[i] = 0
  local all = redis.call('HGETALL', holds)
  for j = 1, #all, 2 do
    local most, ends, of = string.match(all[j + 1], '^(%d+):(%d+):(%w*)')
    if all[j] == call then
      redis.call('HDEL', holds, call)
    elseif tonumber(ends) <= now then
      redis.call('HDEL', holds, all[j])
      if of ~= 'over' then redis.call('DEL', row, reading) end
    else
      held[i] = held[i] + tonumber(most)
    end
  end
  local found = redis.call('HMGET', row, 'spent', 'generation')
  if found[1] then
    spent[i], generation[i] = tonumber(found[1]), found[2]
  else
    missing[#missing + 1] = i - 1
  end
end
if #missing > 1 then return missing end
local full, busy, done = {'full'}, {'busy'}, {'held'}
for i = 1, count do
  local limit = tonumber(ARGV[3 + 2 * i])
  if limit >= 0 and spent[i] >= limit then
    full[#full + 1] = i - 1
    full[#full + 1] = whole(spent[i])
  elseif limit >= 0 and spent[i] + held[i] >= limit then
    busy[#busy + 1] = i - 1
  end
end
if #full > 1 then return full end
if #busy > 1 then return busy end
for i = 1, count do
  local entry = ARGV[2 + 2 * i] .. ':' .. whole(now + lease) .. ':' .. generation[i]
  redis.call('HSET', KEYS[3 * i], call, entry)
  redis.call('PEXPIRE', KEYS[3 * i], 10 * lease)
  done[#done + 1] = whole(spent[i])
  done[#done + 1] = generation[i]
end
return done
"""
)

# KEYS: held of each budget. ARGV: call, lease, then most and generation of each.
RENEW = (
    _NOW
    + """
local lease = tonumber(ARGV[2])
for i = 1, #KEYS do
  local known = redis.call('HGET', KEYS[i], ARGV[1])
  if not known or string.sub(known, -5) ~= ':over' then
    local entry = ARGV[1 + 2 * i] .. ':' .. whole(now + lease) .. ':' .. ARGV[2 + 2 * i]
    redis.call('HSET', KEYS[i], ARGV[1], entry)
    redis.call('PEXPIRE', KEYS[i], 10 * lease)
  end
end
"""
)

# KEYS: spent, held, reading of each budget. ARGV: call, lease, then what it took of each.
# Only in the generation that the call was reserved in is it certain that the rows were read without it.
SETTLE = (
    _NOW
    + """
local call, lease = ARGV[1], tonumber(ARGV[2])
local over = '0:' .. whole(now + lease) .. ':over'
for i = 1, #KEYS / 3 do
  local row, holds, reading = KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i]
  local entry = redis.call('HGET', holds, call)
  local generation = entry and string.match(entry, ':(%w+)$')
  if generation and redis.call('HGET', row, 'generation') == generation then
    redis.call('HINCRBY', row, 'spent', ARGV[2 + i])
  elseif entry or ARGV[2 + i] ~= '0' then
    redis.call('DEL', row, reading)
  end
  redis.call('HSET', holds, call, over)
  redis.call('PEXPIRE', holds, 10 * lease)
end
"""
)

# KEYS: spent, reading. ARGV: generation, what the rows say, how long it is believed.
# Who settled meanwhile has taken the generation out: the rows were read too early, or not; they are read again.
LOAD = """
if redis.call('SREM', KEYS[2], ARGV[1]) == 1 and redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'spent', ARGV[2], 'generation', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
"""
