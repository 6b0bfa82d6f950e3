--- A temporary folder with files in it. Close it.

local fs = require "o2x.base.fs"

local Folder = {}
Folder.__index = Folder
Folder.__close = function(self) fs.remove_tree(self.path) end

--- The path of a file in it.
---@param name string
---@return string
function Folder:at(name) return fs.join(self.path, name) end

--- Writes a file, with the folders above it.
---@param name string
---@param text string
---@return string path
function Folder:write(name, text)
  fs.write(self:at(name), text, { parents = true })
  return self:at(name)
end

--- Removes it.
function Folder:close() Folder.__close(self) end

--- A new one.
---@param files table<string, string>? name → text
---@return table folder path; at(name), write(name, text)
return function(files)
  local self = setmetatable({ path = fs.realpath(fs.temp_folder "/tmp/o2x-test-") }, Folder)
  for name, text in pairs(files or {}) do
    self:write(name, text)
  end
  return self
end
