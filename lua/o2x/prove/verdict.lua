--- Compares what a disturbed run left with what an undisturbed one leaves.

local drawn = require "o2x.prove.drawn"
local json = require "o2x.base.json"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

local MOST <const> = 3 -- differences that are named

local function short(text)
  text = tostring(text):gsub("%s+", " ")
  return #text > 60 and text:sub(1, 57) .. "..." or text
end

-- The hash of a pod template, in names of ReplicaSets and Pods: a number of 32 bits, whose digits Kubernetes writes as
-- these letters. The template itself is compared, so that its hash tells nothing more.
local HASH <const> = "%f[%w][bcdf456789]+%f[^%w]"

-- One number of ten thousand is shorter.
local function hash_word(word)
  if #word >= 6 and #word <= 10 then return "HASH" end
end

local function without_drawn(text, part)
  text = drawn.without(text)
  if part == "k8s" then text = text:gsub(HASH, hash_word) end
  return text
end

-- Of several tables under one name, each gets its place by what it holds.
local function put_table(into, name, value)
  local text, place = json.encode(value), 1
  while into[name] do
    local there = json.encode(into[name])
    if text < there then
      into[name], value, text = value, into[name], there
    end
    place = place + 1
    name = place == 2 and name .. " (other 2)" or name:gsub("%d+%)$", place .. ")")
  end
  into[name] = value
end

-- Puts a value under a name; what comes under the same name is listed in one order.
local function put(into, name, value)
  local there = into[name]
  if type(value) == "table" then return put_table(into, name, value) end
  if there == nil then
    into[name] = value
    return
  end
  local list = { value }
  for text in (there .. "\n"):gmatch "([^\n]*)\n" do
    list[#list + 1] = text
  end
  table.sort(list)
  into[name] = table.concat(list, "\n")
end

-- An archive by pg_dump begins with the time, so that its bytes differ each time; that they are those that the run had
-- made is compared: with the hash that it gave the object. Beside it lies a description, with that hash and the time.
local function without_time_of_archive(name, item)
  local path = name:match "^object (.*)%.dump$" or name:match "^object (.*)%.dump%.json$"
  if not path or type(item) ~= "table" then return end
  if name:find "%.json$" then
    if item["metadata.o2x-sha256"] == item.sha256 then item["metadata.o2x-sha256"] = "HASH OF DESCRIPTION" end
    item.sha256, item.size = "HASH OF DESCRIPTION", nil
  elseif item.sha256 ~= nil and item.sha256 == item["metadata.o2x-sha256"] then
    item.sha256, item["metadata.o2x-sha256"] = "HASH OF ARCHIVE", "HASH OF ARCHIVE"
  end
end

-- A manifest is its objects: which template each was made from is a comment, and the first separator may be absent.
local function without_comments(manifest)
  local text = ("\n" .. manifest):gsub("\n%-%-%-[ \t]*#[^\n]*", "\n---"):gsub("\n#[^\n]*", "")
  return (text:gsub("^%s*%-%-%-%s*\n", ""):gsub("^%s+", ""):gsub("%s+$", ""))
end

local function alike(picture, part)
  local result = {}
  for _, name in ipairs(sorted_keys(picture)) do
    local value = picture[name]
    if type(value) == "table" then
      value = alike(value, part)
      if part == "aws" then without_time_of_archive(name, value) end
    else
      value = without_drawn(tostring(value), part)
      if part == "helm" and name == "manifest" then value = without_comments(value) end
    end
    put(result, without_drawn(name, part), value)
  end
  return result
end

--- A picture in which what each run draws anew is alike: the keys of rows that a server made, times, hashes of these.
---@param picture table<string, table<string, any>> in full: part → item → text, or path → text
---@return table picture
function M.without_drawn_ids(picture)
  local result = {}
  for part, items in pairs(picture) do
    result[part] = alike(items, part)
  end
  return result
end

local function names_of(one, other)
  local names = {}
  for name in pairs(one) do
    names[name] = true
  end
  for name in pairs(other) do
    names[name] = true
  end
  return sorted_keys(names)
end

-- Two trees, named from the top.
local function compare(list, name, one, other)
  if type(one) ~= "table" or type(other) ~= "table" then
    if one ~= other then
      local function word(side) return type(side) == "table" and "there" or side and short(side) or "missing" end
      list[#list + 1] = ("%s: %s, should be %s"):format(name, word(other), word(one))
    end
    return
  end
  for _, key in ipairs(names_of(one, other)) do
    compare(list, name .. " " .. key, one[key], other[key])
  end
end

--- What differs between two states.
---@param expected table<string, table<string, any>> part → item → text, or path → text
---@param found table<string, table<string, any>>
---@param left_out table<string, boolean>? parts that are not compared
---@return string[] differences
function M.differences(expected, found, left_out)
  local list = {}
  for _, part in ipairs(names_of(expected, found)) do
    if not (left_out and left_out[part]) then compare(list, part, expected[part] or {}, found[part] or {}) end
  end
  return list
end

--- One line of what differs.
---@param differences string[]
---@return string?
function M.line(differences)
  if #differences == 0 then return nil end
  local more = #differences > MOST and ("; %d more"):format(#differences - MOST) or ""
  return table.concat(differences, "; ", 1, math.min(MOST, #differences)) .. more
end

--- What differs between the changes of a plan and those of a run, each as often as it is there.
---@param planned string[]
---@param done string[]
---@return string[] differences
function M.counted_differences(planned, done)
  local more, list = {}, {}
  for _, line in ipairs(planned) do
    more[line] = (more[line] or 0) + 1
  end
  for _, line in ipairs(done) do
    more[line] = (more[line] or 0) - 1
  end
  for _, line in ipairs(sorted_keys(more)) do
    local what = more[line] > 0 and "planned, but not done" or "done, but not planned"
    local times = math.abs(more[line])
    if times > 0 then
      list[#list + 1] = ("%s%s: %s"):format(what, times > 1 and (", %d times"):format(times) or "", line)
    end
  end
  return list
end

--- What a command says went wrong: its last error, the line of a step that failed, or its last line.
---@param result { stderr: string }
---@return string
function M.error_line(result)
  local said, failed
  for line in result.stderr:gmatch "[^\n]+" do
    said = line:match "^o2x: (.*)" or said
    failed = line:match "^%d%d:%d%d:%d%d (.*failed.*)" or line:match "^%d%d:%d%d:%d%d (.*: ! .*)" or failed
  end
  return said or failed or result.stderr:match "([^\n]*)%s*$"
end

--- Is the text of a secret in a text?
---@param secrets string[]
---@param text string
---@return boolean
function M.leaks(secrets, text)
  for _, one in ipairs(secrets) do
    if text:find(one, 1, true) then return true end
  end
  return false
end

return M
