--- The search for secrets: the forms that a secret may take, and the places where other users of a machine could see
--- it.

local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local program = require "o2x.core.program"
local task = require "o2x.base.task"

local M = {}

local SHORTEST <const> = 6 -- bytes: what is shorter stands in many texts by chance
local LOOK <const> = 0.01 -- seconds between two looks at the processes

--- Adds the texts in a tree of secrets: text → what it is.
---@param into table<string, string>
---@param node any
---@param name string
function M.add_texts(into, node, name)
  if type(node) == "string" and #node >= SHORTEST then into[node] = name end
  for key, item in pairs(type(node) == "table" and node ~= json.null and node or {}) do
    M.add_texts(into, item, name .. "/" .. tostring(key))
  end
end

local function url(text, form)
  return (text:gsub("[^%w%-._~]", function(c) return form:format(c:byte()) end))
end

-- Base64 of a text behind 0, 1 or 2 other bytes, without the characters that depend on these or on what follows.
local function aligned(text, before)
  local coded = crypto.base64(("\0"):rep(before) .. text)
  local first = (8 * before + 5) // 6 + 1
  return coded:sub(first, 8 * (before + #text) // 6)
end

--- What must be nowhere: form → what it is.
---@param secrets table<string, string> text → what it is
---@return table<string, string>
function M.forms_of(secrets)
  local forms = {}
  local function add(form, name) forms[form] = #form >= SHORTEST and name or nil end
  for text, name in pairs(secrets) do
    add(text, name)
    for before = 0, 2 do
      add(aligned(text, before), name .. " in base64")
    end
    add(crypto.hex(text), name .. " in hex")
    add(crypto.hex(text):upper(), name .. " in upper-case hex")
    add(url(text, "%%%02X"), name .. " in a URL")
    add(url(text, "%%%02x"), name .. " in a URL")
    add(json.encode({ text }):sub(3, -3), name .. " in JSON")
    add(text:gsub("'", "''"), name .. " in SQL")
  end
  return forms
end

--- Calls see(path, text, stat) for every file below a folder.
---@param folder string
---@param see fun(path: string, text: string, stat: table)
function M.files_below(folder, see)
  for _, name in ipairs(fs.list(folder)) do
    local path = fs.join(folder, name)
    local stat = fs.stat(path, false)
    if stat and stat.type == "folder" then
      M.files_below(path, see)
    elseif stat and stat.type == "file" then
      see(path, fs.read(path), stat)
    end
  end
end

local function read_process(pid, what)
  local ok, text = pcall(fs.read_if, ("/proc/%s/%s"):format(pid, what))
  return ok and text or ""
end

-- The children of a process, by the kernel's own list: other tests' processes are none of ours.
local function children_of(pid)
  local found = {}
  local ok, threads = pcall(fs.list, ("/proc/%s/task"):format(pid))
  for _, thread in ipairs(ok and threads or {}) do
    for child in read_process(pid, ("task/%s/children"):format(thread)):gmatch "%d+" do
      found[#found + 1] = child
    end
  end
  return found
end

-- The descendants of a process: what /proc shows of their arguments and of the environment they were given.
local function look_at_children(parent, seen, parent_arguments)
  for _, pid in ipairs(children_of(parent)) do
    local arguments = read_process(pid, "cmdline")
    seen[arguments] = "arguments"
    -- o2x has its environment from the test, and so has a child before its exec: that one is left out.
    local is_o2x = parent_arguments == nil or arguments == parent_arguments
    if not is_o2x then seen[read_process(pid, "environ")] = "environment" end
    look_at_children(pid, seen, arguments)
  end
end

--- Calls fn and looks at all children of this process meanwhile.
---@param seen table<string, string> what /proc showed → what it is
---@param fn fun(): any
---@return any what fn returned
function M.watched(seen, fn)
  local result, done = nil, false
  task.parallel {
    run = function()
      result = fn()
      done = true
    end,
    watch = function()
      while not done do
        look_at_children(tostring(program.pid()), seen)
        task.sleep(LOOK)
      end
    end,
  }
  return result
end

--- Where the forms are found.
---@param places table<string, string> place → text
---@param forms table<string, string>
---@return string[] sorted
function M.found(places, forms)
  local found = {}
  for place, text in pairs(places) do
    for form, name in pairs(forms) do
      if text:find(form, 1, true) then found[#found + 1] = ("%s: %s"):format(place, name) end
    end
  end
  table.sort(found)
  return found
end

return M
