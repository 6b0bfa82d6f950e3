--- Which systems of a lab are real servers instead of simulators. A folder remembers it: its data are theirs.
---
---     o2x lab up --real=vault
---
--- lab.real.NAME has the same interface as lab.NAME, the simulator.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local sorted_keys = require "o2x.base.sorted_keys"
local suggest = require "o2x.base.suggest"

local M = {}

local SYSTEMS <const> = { k8s = "lab.real.k8s", vault = "lab.real.vault" }

--- The names in a list with commas.
---@param text string?
---@return string[]? names sorted; nil without a text
function M.names(text)
  if not text then return nil end
  local found = {}
  for name in text:gmatch "[^,%s]+" do
    if not SYSTEMS[name] then
      local known = sorted_keys(SYSTEMS)
      errors.input(
        ("lab: no real server for %q%s"):format(name, suggest.did_you_mean(name, known)),
        "there are: " .. table.concat(known, ", ")
      )
    end
    found[name] = true
  end
  return sorted_keys(found)
end

local function note(dir) return fs.join(dir, "real") end

--- The real systems of a lab's folder.
---@param dir string
---@return table<string, boolean>
function M.of(dir)
  local found = {}
  for name in (fs.read_if(note(dir)) or ""):gmatch "%S+" do
    found[name] = true
  end
  return found
end

--- Makes a folder remember its real systems.
---@param dir string
---@param names string[]
function M.remember(dir, names)
  if names[1] then
    fs.write(note(dir), table.concat(names, "\n") .. "\n", { mode = 0x180 })
  else
    fs.remove(note(dir))
  end
end

--- The module of a real server of this lab; nil where the system is simulated.
---@param lab table
---@param name string
---@return table?
function M.module(lab, name) return lab.real[name] and require(SYSTEMS[name]) or nil end

return M
