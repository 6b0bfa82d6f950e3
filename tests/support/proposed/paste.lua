--- Commands taken from what was printed, and run as somebody runs them who pastes them into a shell.

local build = require "tests.support.build"
local assert = require "luassert"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

local M = {}

local PATH <const> = fs.folder(fs.realpath(build.o2x)) .. ":" .. os.getenv "PATH"

--- The commands in what was printed that match a pattern; fails if there is none.
---@param result table stdout, stderr
---@param pattern string
---@return string ...
function M.commands(result, pattern)
  local text, found = result.stderr .. "\n" .. result.stdout, {}
  for command in text:gmatch(pattern) do
    found[#found + 1] = command
  end
  assert(#found > 0, ("nothing proposes %s:\n%s"):format(pattern, text))
  return table.unpack(found)
end

local function bash(command, env, options)
  return proc.run {
    argv = { "bash", "-c", command },
    env = env,
    cwd = options.cwd,
    stdin = options.stdin,
    timeout = 300,
  }
end

local function fine(result, command)
  assert(result.code == 0, ("%s: exit %s\n%s"):format(command, result.code, result.stderr))
  return result
end

--- Runs a command in a lab's environment.
---@param lab table
---@param command string
---@param options table? env, cwd, stdin
---@return table result
function M.run(lab, command, options)
  options = options or {}
  local env = lab:environment { PATH = PATH }
  for name, value in pairs(options.env or {}) do
    env[name] = value
  end
  return bash(command, env, options)
end

--- The same; fails if the command does.
function M.works(lab, command, options) return fine(M.run(lab, command, options), command) end

--- Runs o2x in a lab; fails unless it stops with these words.
---@param lab table
---@param words string[]
---@param says string a pattern
---@param options table? env
---@return table result
function M.refused(lab, words, says, options)
  local result = lab:o2x(words, options)
  assert.are_not.equal(0, result.code, result.stdout)
  assert.matches(says, result.stderr)
  return result
end

--- A row on a toy platform of its own. fn is called with the toy and with follow(result, pattern, env?), which runs the
--- last command in what was printed that matches.
---@param fn fun(toy: table, follow: fun(result: table, pattern: string, env: table?): table)
---@return fun() row
function M.toy(fn)
  return function()
    local toy <close> = toys.new()
    local program = ('#!/bin/sh\nexec "%s" "%s/tests/support/o2x.lua" "$@"\n'):format(fs.realpath(build.dev), fs.cwd())
    fs.write(toy.dir .. "/bin/o2x", program, { mode = 493, parents = true })
    local path = ("%s/bin:%s"):format(toy.dir, os.getenv "PATH")
    fn(toy, function(result, pattern, env)
      local found = { M.commands(result, pattern) }
      local all = toy:environment(env)
      all.PATH = path
      return fine(bash(found[#found], all, { cwd = toy.project }), found[#found])
    end)
  end
end

return M
