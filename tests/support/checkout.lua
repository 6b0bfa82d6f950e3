--- A toy whose platform is a checkout of git, and a runbook that writes a tenant's own files and its entry in a file
--- that all tenants share.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

local M = {}

local PLATFORM <const> = [[
local M = {}
function M.load(name, platform, spec)
  return { name = name, id = spec.id, company = spec.company, domain = name .. "." .. platform.domain }
end
function M.grants(tenant)
  local own = tenant.name .. "/"
  return { files = { read = { own, "docs/" }, write = { own, "docs/LIST.md" },
    sections = { ["docs/LIST.md"] = ("## %s ("):format(tenant.name) } } }
end
return M
]]

local RUNBOOK <const> = [[
local files, toy = require "o2x.files", require "o2x.toy"
return require "o2x.runbook" {
  name = "enter", version = "1.0.0", api = 1, summary = "A test", effects = { "files:write", "toy:write" },
  params = { note = { "string", default = "new", help = "a note" }, less = { "boolean", default = false, help = "x" },
    stop = { "boolean", default = false, help = "x" } },
  run = function(tenant, params)
    step("files", function()
      files.ensure(tenant.name .. "/a b.txt", params.note .. "\n")
      if params.less then files.remove(tenant.name .. "/ü.txt") else files.ensure(tenant.name .. "/ü.txt", "ü\n") end
    end)
    step("list", function()
      local text = files.exists("docs/LIST.md") and files.read("docs/LIST.md") or "# All\n"
      local own = ("## %s (1)"):format(tenant.name)
      local entry = own .. "\n" .. params.note .. "\n"
      text = text:find(own, 1, true) and text:gsub("## " .. tenant.name .. " .1.\n[^\n]*\n", entry)
        or text .. "\n" .. own .. "\n" .. params.note .. "\n"
      files.ensure("docs/LIST.md", text)
    end)
    if params.stop then fail("stop") end
    step("last", function() toy.ensure(tenant.name, { note = params.note }) end)
  end,
}
]]

local Checkout = {}
Checkout.__index = Checkout

--- A toy with that runbook, "enter".
---@return table toy
function M.toy()
  local toy = toys.new()
  toy:write("stdlib/platform.lua", PLATFORM)
  toy:write("runbooks/enter.lua", RUNBOOK)
  return toy
end

--- One with `files.git: commit`, and a user of git; its platform is no repository yet.
---@return table checkout toy, tree
function M.new()
  local toy = M.toy()
  toy:write("o2x.yaml", "files:\n  git: commit\n")
  toy:write("platform/other.txt", "one\n")
  toy.env.GIT_CONFIG_GLOBAL, toy.env.GIT_CONFIG_SYSTEM = toy.dir .. "/gitconfig", "/dev/null"
  fs.write(
    toy.env.GIT_CONFIG_GLOBAL,
    "[user]\n  name = Ann\n  email = ann@example.com\n[init]\n  defaultBranch = main\n"
  )
  return setmetatable({ toy = toy, tree = toy.project .. "/platform" }, Checkout)
end

--- Calls git in the tree; fails if it fails.
---@param ... string
---@return string stdout
function Checkout:git(...)
  return ok(proc.run {
    argv = { "git", "-C", self.tree, "-c", "core.quotePath=false", ... },
    env = { GIT_CONFIG_GLOBAL = self.toy.env.GIT_CONFIG_GLOBAL, GIT_CONFIG_SYSTEM = "/dev/null" },
  }).stdout
end

--- Makes the tree a repository with a first commit.
function Checkout:repository()
  self:git "init"
  self:git("add", "-A")
  self:git("commit", "-qm", "first")
end

--- How many commits HEAD has.
---@return integer
function Checkout:count() return tonumber(self:git("rev-list", "--count", "HEAD")) end

--- The files of the newest commit, one a line.
---@return string
function Checkout:names() return self:git("show", "--name-only", "--format=", "HEAD") end

--- Makes a hook of git.
---@param name string
---@param script string
---@return string path
function Checkout:hook(name, script)
  local path = self.tree .. "/.git/hooks/" .. name
  fs.write(path, "#!/bin/sh\n" .. script .. "\n")
  fs.chmod(path, tonumber("755", 8))
  return path
end

M.RUNBOOK = RUNBOOK

return M
