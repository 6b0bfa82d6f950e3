--- Diffs of two values as lines: "+ key: value", "- key: value", "~ key: old → new".
-- A secret is never shown; if it changed, its fingerprint differs.

local json = require "o2x.base.json"
local mask = require "o2x.base.mask"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

local M = {}

local MAX_VALUE = 96 -- bytes of a value on a line
local MAX_CELLS = 4e6 -- lines before × lines after that a text diff compares

local function shorten(text)
  text = mask.text(text)
  if #text <= MAX_VALUE then return text end
  local cut = utf8.offset(text, 0, MAX_VALUE) or MAX_VALUE
  return text:sub(1, cut - 1) .. ("… (%d bytes)"):format(#text)
end

-- What a journal has of a secret.
local function is_reference(v) return type(v) == "table" and not value.is_unknown(v) and rawget(v, "$secret") ~= nil end

--- One value on one line.
---@param v any
---@return string
function M.inline(v)
  if v == nil then return "absent" end
  if v == json.null then return "null" end
  if is_reference(v) then return ("‹secret %s›"):format(v["$secret"]) end
  if mask.is_reference(v) then v = v["$masked"] end
  if secret.is(v) or value.is_unknown(v) then return tostring(v) end
  if type(v) == "string" then
    v = value.text(v)
    if v:match("^[%w_./:@+,%-=*?&%%~ ]+$") and not v:match("^ ") and not v:match(" $") then return shorten(v) end
    return shorten(json.encode(v))
  end
  if type(v) == "table" then return shorten(json.encode(value.displayed(v))) end
  return tostring(v)
end

local function is_map(v)
  return type(v) == "table"
    and v ~= json.null
    and not value.is_unknown(v)
    and not json.is_array(v)
    and #v == 0
    and not is_reference(v)
    and not mask.is_reference(v)
end

local function is_list_of_scalars(v)
  for _, item in ipairs(v) do
    if type(item) == "table" then return false end
  end
  return true
end

local function is_list(v)
  return type(v) == "table" and v ~= json.null and not value.is_unknown(v) and (json.is_array(v) or #v > 0)
end

local function keys_of(a, b)
  local seen, list = {}, {}
  for _, t in ipairs { a, b } do
    for key in next, t do
      if not seen[key] then
        seen[key] = true
        list[#list + 1] = key
      end
    end
  end
  table.sort(list, function(x, y)
    if type(x) == type(y) then return x < y end
    return type(x) == "number"
  end)
  return list
end

local function join(path, key)
  if type(key) == "number" then return ("%s[%d]"):format(path, key) end
  return path == "" and key or path .. "." .. key
end

local walk

local function compare_tables(lines, path, before, after)
  for _, key in ipairs(keys_of(before, after)) do
    walk(lines, join(path, key), before[key], after[key])
  end
end

local function add(lines, sign, path, text)
  lines[#lines + 1] = ("%s %s%s"):format(sign, path ~= "" and path .. ": " or "", text)
end

local function tagged(v)
  if secret.is(v) then return ("%s #%s"):format(tostring(v), secret.fingerprint(v):sub(1, 6)) end
  if is_reference(v) or mask.is_reference(v) then return ("%s #%s"):format(M.inline(v), v.fp:sub(1, 6)) end
  return M.inline(v)
end

-- An added or removed table is listed field by field.
local function spread(v) return is_map(v) and next(v) ~= nil or is_list(v) and not is_list_of_scalars(v) end

function walk(lines, path, before, after)
  if value.equal(before, after) then return end
  if is_map(before) and is_map(after) then return compare_tables(lines, path, before, after) end
  if is_list(before) and is_list(after) and not (is_list_of_scalars(before) and is_list_of_scalars(after)) then
    return compare_tables(lines, path, before, after)
  end
  if before == nil then
    if spread(after) then return compare_tables(lines, path, {}, after) end
    return add(lines, "+", path, M.inline(after))
  elseif after == nil then
    if spread(before) then return compare_tables(lines, path, before, {}) end
    return add(lines, "-", path, M.inline(before))
  end
  if type(before) == "string" and type(after) == "string" and (before:find("\n") or after:find("\n")) then
    lines[#lines + 1] = "~ " .. path .. ":"
    for _, line in ipairs(M.text(before, after)) do
      lines[#lines + 1] = "    " .. line
    end
    return
  end
  add(lines, "~", path, tagged(before) .. " → " .. tagged(after))
end

--- The changes from before to after; nil means absent.
---@param before any
---@param after any
---@return string[] lines
function M.lines(before, after)
  local lines = {}
  walk(lines, "", before, after)
  return lines
end

local function split(text)
  local lines = {}
  for line in (text:gsub("\n$", "") .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

-- Table of the lengths of the longest common subsequences of a[lo..] and b[lo..]; the caller cuts off equal ends first.
local function lengths(a, b, lo, a_hi, b_hi)
  local row = {}
  for i = a_hi + 1, lo, -1 do
    row[i] = {}
    for j = b_hi + 1, lo, -1 do
      if i > a_hi or j > b_hi then
        row[i][j] = 0
      elseif a[i] == b[j] then
        row[i][j] = row[i + 1][j + 1] + 1
      else
        row[i][j] = math.max(row[i + 1][j], row[i][j + 1])
      end
    end
  end
  return row
end

local function middle(script, a, b, lo, a_hi, b_hi)
  if (a_hi - lo + 2) * (b_hi - lo + 2) > MAX_CELLS then
    for i = lo, a_hi do
      script[#script + 1] = "-" .. a[i]
    end
    for j = lo, b_hi do
      script[#script + 1] = "+" .. b[j]
    end
    return
  end
  local length, i, j = lengths(a, b, lo, a_hi, b_hi), lo, lo
  while i <= a_hi or j <= b_hi do
    if i <= a_hi and j <= b_hi and a[i] == b[j] then
      script[#script + 1] = " " .. a[i]
      i, j = i + 1, j + 1
    elseif j > b_hi or i <= a_hi and length[i + 1][j] >= length[i][j + 1] then
      script[#script + 1] = "-" .. a[i]
      i = i + 1
    else
      script[#script + 1] = "+" .. b[j]
      j = j + 1
    end
  end
end

local function edit_script(a, b)
  local lo, a_hi, b_hi = 1, #a, #b
  while lo <= a_hi and lo <= b_hi and a[lo] == b[lo] do
    lo = lo + 1
  end
  while a_hi >= lo and b_hi >= lo and a[a_hi] == b[b_hi] do
    a_hi, b_hi = a_hi - 1, b_hi - 1
  end
  local script = {}
  for i = 1, lo - 1 do
    script[#script + 1] = " " .. a[i]
  end
  middle(script, a, b, lo, a_hi, b_hi)
  for i = a_hi + 1, #a do
    script[#script + 1] = " " .. a[i]
  end
  return script
end

--- A unified diff of two texts: " same", "-removed", "+added", with "…" for omitted equal lines.
---@param before string?
---@param after string?
---@param context integer? equal lines to show around a change, 2 if absent
---@return string[] lines
function M.text(before, after, context)
  context = context or 2
  local script = edit_script(before and split(mask.text(before)) or {}, after and split(mask.text(after)) or {})
  local keep = {}
  for i, line in ipairs(script) do
    if line:sub(1, 1) ~= " " then
      for near = math.max(1, i - context), math.min(#script, i + context) do
        keep[near] = true
      end
    end
  end
  local lines, skipped = {}, false
  for i, line in ipairs(script) do
    if keep[i] then
      if skipped then lines[#lines + 1] = "…" end
      skipped = false
      lines[#lines + 1] = line
    else
      skipped = true
    end
  end
  return lines
end

return M
