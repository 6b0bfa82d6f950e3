--- Finds the project, the folder with runbooks/ and stdlib/, from the runbook's path or the current directory.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"

local M = {}

local function is_root(folder)
  return fs.exists(fs.join(folder, "o2x.yaml")) or fs.is_folder(fs.join(folder, "runbooks"))
end

local function upward(folder)
  while true do
    if is_root(folder) then return folder end
    if folder == "/" then return nil end
    folder = fs.folder(folder)
  end
end

-- An installation includes runbooks and stdlib: PREFIX/bin/o2x, PREFIX/share/o2x.
local function share()
  local program = fs.program()
  local folder = fs.join(fs.folder(fs.folder(program)), "share", "o2x")
  return fs.is_folder(folder) and folder or nil
end

local function pick(root, shared, name)
  local own = fs.join(root, name)
  if fs.is_folder(own) or not shared then return own end
  return fs.join(shared, name)
end

--- Finds the project.
---@param path string? of a runbook; searched first
---@return table project root, runbooks, stdlib, yaml (nil if there is none), state
function M.find(path)
  local root
  if path and path:find("/", 1, true) and fs.exists(path) then root = upward(fs.folder(fs.realpath(path))) end
  root = root or upward(fs.cwd())
  local shared = share()
  root = root or shared
  if not root then
    errors.input(
      "no project: neither this folder nor its parents contain o2x.yaml or runbooks/",
      "cd to the project; o2x init FOLDER makes one"
    )
  end
  return M.at(root, shared)
end

--- What is installed beside the program: runbooks, stdlib and the example.
---@return table? project nil if nothing is
function M.shared()
  local folder = share()
  return folder and M.at(folder, folder)
end

--- The sources in whose build/ the program is.
---@return table? project nil if it is somewhere else
function M.sources()
  local folder = fs.folder(fs.folder(fs.program()))
  return fs.is_folder(fs.join(folder, "runbooks")) and fs.is_folder(fs.join(folder, "stdlib")) and M.at(folder) or nil
end

--- The project in a folder.
---@param root string
---@param shared string? folder of the installed program's runbooks and stdlib
---@return table project
function M.at(root, shared)
  if not utf8.len(root) then
    errors.input("the name of the project's folder is not UTF-8", "rename the folder", root) -- no journal can hold it
  end
  shared = shared or share()
  local yaml = fs.join(root, "o2x.yaml")
  return {
    root = root,
    runbooks = pick(root, shared, "runbooks"),
    stdlib = pick(root, shared, "stdlib"),
    yaml = fs.exists(yaml) and yaml or nil,
    state = fs.join(root == shared and fs.cwd() or root, ".o2x", "runs"),
  }
end

return M
