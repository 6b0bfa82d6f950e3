--- A toy platform in a folder of its own, with the program run against it as a child process: what the engine does,
-- seen
--- from outside.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"

local M = {}

local ROOT = fs.cwd()

local Toy = {}
Toy.__index = Toy
Toy.__close = function(self) fs.remove_tree(self.dir) end

--- A new toy; close it.
---@return table toy
function M.new()
  local dir = fs.temp_folder("/tmp/o2x-toy-")
  local self =
    setmetatable({ dir = dir, state = dir .. "/state", system = dir .. "/system", project = dir .. "/project" }, Toy)
  fs.mkdir(self.system)
  fs.copy_tree(ROOT .. "/tests/support/toy", self.project)
  self.env = {
    TOY = self.system,
    O2X_STATE = self.state,
    O2X_PLATFORM = self.project .. "/platform",
    HOME = dir,
    NO_COLOR = "1",
  }
  return self
end

function Toy:environment(env)
  local all = {}
  for name, value in pairs(self.env) do
    all[name] = value
  end
  for name, value in pairs(env or {}) do
    all[name] = value
  end
  return all
end

local function argv(words)
  return { require("tests.support.build").dev, ROOT .. "/tests/support/o2x.lua", table.unpack(words) }
end

--- Runs o2x with the toy effects in it.
---@param words string[]
---@param env table<string, string>?
---@param options table? stdin, timeout, on_line
---@return table result code, signal, stdout, stderr
function Toy:o2x(words, env, options)
  options = options or {}
  return proc.run {
    argv = argv(words),
    env = self:environment(env),
    cwd = self.project,
    timeout = options.timeout or 300,
    stdin = options.stdin,
    on_line = options.on_line,
  }
end

--- Runs o2x from a shell, which does to its descriptors what is asked.
---@param words string[]
---@param redirect string "> /dev/full"
---@param before string? commands of the shell; "$@" is the program and its words
---@param env table<string, string>?
---@return table result code, signal, stdout, stderr
function Toy:shell(words, redirect, before, env)
  local script = ('%s "$@" %s'):format(before or "", redirect)
  return proc.run {
    argv = { "bash", "-c", script, "bash", table.unpack(argv(words)) },
    env = self:environment(env),
    cwd = self.project,
    timeout = 300,
  }
end

--- Starts o2x from a shell, which becomes it, and goes on.
---@param words string[]
---@param before string commands of the shell; "$@" is the program and its words
---@param env table<string, string>?
function Toy:start_shell(words, before, env)
  return proc.start {
    argv = { "bash", "-c", before .. ' exec "$@"', "bash", table.unpack(argv(words)) },
    env = self:environment(env),
    cwd = self.project,
    timeout = 300,
  }
end

--- Starts o2x and goes on.
---@param words string[]
---@param env table<string, string>?
---@param log string? file that takes what it says
function Toy:start(words, env, log)
  return proc.start { argv = argv(words), env = self:environment(env), cwd = self.project, timeout = 300, log = log }
end

--- The same, decoded from --json; fails if it fails.
function Toy:json(words, env)
  local result = self:o2x(words, env)
  assert(result.code == 0, ("exit %s\n%s"):format(result.code, result.stderr))
  return json.decode(result.stdout)
end

--- Writes a runbook called NAME with this body of `run`.
function Toy:runbook(name, body, fields)
  fs.write(
    ("%s/runbooks/%s.lua"):format(self.project, name),
    ([[
local toy = require "o2x.toy"
return require "o2x.runbook" {
  name = "%s", version = "1.0.0", api = 1, summary = "A test", effects = { "toy:write" }, %s
  run = function(tenant, params)
%s
  end,
}
]]):format(name, fields or "", body)
  )
end

--- Writes a file of the project.
function Toy:write(path, text) fs.write(self.project .. "/" .. path, text, { parents = true }) end

--- What the system holds: name → value.
function Toy:holds()
  local found = {}
  for _, name in ipairs(fs.list(self.system)) do
    if name:sub(1, 1) ~= "." then found[name] = json.decode(fs.read(self.system .. "/" .. name)) end
  end
  return found
end

--- The writes that took place, in order.
function Toy:writes()
  local list = {}
  for line in (fs.read_if(self.system .. "/.writes") or ""):gmatch("[^\n]+") do
    list[#list + 1] = line
  end
  return list
end

--- Lets the next write of a target fail.
function Toy:fault(name, kind, done)
  fs.write(("%s/.fault-%s"):format(self.system, name), kind .. (done and " done" or ""))
end

--- Forgets everything that was done.
function Toy:reset()
  fs.remove_tree(self.system)
  fs.mkdir(self.system)
  if fs.exists(self.state) then fs.remove_tree(self.state) end
end

return M
