--- The toy's system as a lab for o2x prove: its files can be put back, and its list of writes is its log.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"

local M = {}

local Lab = {}
Lab.__index = Lab

--- A lab in a new folder.
---@return table lab
function M.start()
  local folder = fs.temp_folder()
  local self = setmetatable({ dir = folder, system = fs.join(folder, "system"), secrets = { "toy-secret" } }, Lab)
  fs.mkdir(self.system)
  self.env = { TOY = self.system }
  return self
end

local function replace(from, to)
  if fs.exists(to) then fs.remove_tree(to) end
  fs.copy_tree(from, to)
end

--- Keeps what is there under a name.
---@param name string
function Lab:snapshot(name) replace(self.system, fs.join(self.dir, name)) end

--- What is there becomes what it was.
---@param name string
function Lab:restore(name)
  replace(fs.join(self.dir, name), self.system)
  fs.remove(fs.join(self.system, ".writes"))
end

--- What is there: part → name → text.
---@return table
function Lab:state()
  local files = {}
  for _, name in ipairs(fs.list(self.system)) do
    if name:sub(1, 1) ~= "." then files[name] = fs.read(fs.join(self.system, name)) end
  end
  return { toy = files }
end

--- Keeps what is there now.
---@param name string
function Lab:keep_picture(name)
  self.pictures = self.pictures or {}
  self.pictures[name] = self:state()
end

--- What was there, and what is there now.
---@param name string
---@return { before: table, now: table }
function Lab:unlike(name) return { before = self.pictures[name], now = self:state() } end

--- The writes since it was restored.
---@return table[]
function Lab:log()
  local list = json.array {}
  for line in (fs.read_if(fs.join(self.system, ".writes")) or ""):gmatch "[^\n]+" do
    list[#list + 1] = { service = "toy", target = line, write = true, identity = line }
  end
  return list
end

--- It has no faults of the wire.
function Lab.fault() end

--- Its folder goes away.
function Lab:stop() fs.remove_tree(self.dir) end

return M
