--- 850 values files of a platform, and the programs that work on them.

local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local yaml = require "o2x.base.yaml"

local M = {}

local FILES <const> = 850
local SOURCES <const> = "examples/platform/core/helm_values/urbanos"
local PATH <const>, VALUE <const> = "image.tag", "v3.0.1"

--- Writes the files: those of a tenant of the example, again and again, each with a name of its own.
---@param folder string
---@return table state
function M.write(folder)
  local names = fs.list(SOURCES)
  for i = 1, FILES do
    local text = fs.read(fs.join(SOURCES, names[i % #names + 1]))
    fs.write(("%s/%d.yaml"):format(folder, i), (text:gsub("urbanos", "tenant" .. i)))
  end
  return { folder = folder }
end

-- The numbers of some files, which are looked at.
local function each_checked(state, see)
  for i = 1, FILES, 97 do
    see(fs.read(("%s/%d.yaml"):format(state.folder, i)), ("%s/%d.out"):format(state.folder, i))
  end
end

-- The same values with the new one, whatever the layout.
local function check_values(state)
  each_checked(state, function(before, path)
    local expected = yaml.decode(before, path)
    expected.image.tag = VALUE
    assert(yaml.encode(expected) == yaml.encode(yaml.decode(fs.read(path), path)), path .. " has other values")
  end)
end

-- The same bytes with the new one.
local function check_bytes(state)
  each_checked(state, function(before, path)
    local expected = before:gsub("(\n  tag: )%S+", "%1" .. VALUE)
    assert(expected == fs.read(path), path .. " has other bytes")
  end)
end

local CHECKS <const> = { change = check_values, edit = check_bytes }

local function check_of(state, mode)
  return function(result)
    if CHECKS[mode] then CHECKS[mode](state) end
    if mode == "encode" then assert(tonumber(result.stdout:match "bytes: (%d+)") > FILES * 1000, "nothing encoded") end
  end
end

local function clean(state)
  return function()
    for i = 1, FILES do
      fs.remove(("%s/%d.out"):format(state.folder, i))
    end
  end
end

local function python()
  local found =
    proc.run { argv = { "sh", "-c", "python3 -c 'import yaml; yaml.CSafeLoader; print(yaml.__version__)'" } }
  return found.code == 0 and "python3" or "python3 with PyYAML", found.stdout:match "%S+"
end

--- The programs.
---@param state table
---@param mode string decode, encode, change or edit
---@return table[] contenders
function M.contenders(state, mode)
  local function with(...)
    local argv = { ... }
    for _, word in ipairs { mode, state.folder, tostring(FILES), PATH, VALUE } do
      argv[#argv + 1] = word
    end
    return argv
  end
  local check, before = check_of(state, mode), clean(state)
  local list = {
    { name = "floor: C with libyaml", argv = with "build/bench/yaml" },
    { name = "o2x", argv = with("build/o2x-dev", "bench/yaml/o2x.lua") },
  }
  if mode ~= "edit" then
    local program, version = python()
    list[3] = {
      name = "PyYAML with libyaml",
      argv = with(program, "bench/yaml/peer.py"),
      versions = version and "PyYAML " .. version,
      missing = "python3 -m pip install pyyaml",
    }
  end
  for _, contender in ipairs(list) do
    contender.check, contender.before = check, before
  end
  return list
end

return M
