--- A `helm upgrade --install` that has rendered its chart and waits. o2x takes what was rendered, checks it, and lets
--- helm write exactly what was checked; or it ends helm, which has changed nothing by then. So one process renders and
--- writes.
---
--- helm stores its record and writes objects after its post-renderer has ended, and only if that ended well. The
--- post-renderer gets the objects without hooks; no hooks are run, and no crds/ installed.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local manifest = require "o2x.client.helm.manifest"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"

local M = {}

local LONGEST_WAIT <const> = 3600 -- seconds from the rendering to the write: other effects may be mended meanwhile

-- The post-renderer: $1 a file, $2 a word that nobody else knows. It stores what helm rendered and says so on the error
-- output of helm itself. It reads from the input of helm itself whether to go on, and gives helm what is in the file by
-- then. If o2x has died, that input has ended.
local POST_RENDERER <const> = [[
umask 077
cat >"$1" && printf '\n%s\n' "$2" >"/proc/$PPID/fd/2" &&
  read -r answer <"/proc/$PPID/fd/0" && [ "$answer" = write ] && exec cat "$1"
exit 1
]]

local Held = {}
Held.__index = Held

-- The words that make a helm upgrade wait.
local function words_of(self)
  local words = { "--no-hooks", "--skip-crds", "--post-renderer", "sh" }
  for _, word in ipairs { "-c", POST_RENDERER, "o2x", self.file, self.word } do
    words[#words + 1], words[#words + 2] = "--post-renderer-args", word
  end
  return words
end

-- helm's run from start to end. Whoever waits for it is woken when it is ready and when it has ended.
local function run(self, options)
  options.stdin = function()
    task.wait(self.may_go, math.huge)
    return self.answer or ""
  end
  options.on_line = function(line, stream)
    if stream ~= "stderr" or line ~= self.word then return end
    self.is_ready = true
    self.ready:set()
  end
  options.on_end = function() self.may_go:set() end
  local ok, result = pcall(proc.run, options)
  self.ended = true
  self.ready:set()
  if not ok then error(result, 0) end
  return result
end

--- Starts helm and waits until it has rendered.
---@param options { argv: string[], env: table, file: string, seconds: number } argv: a helm upgrade; file: a private
---  one that is not there yet; seconds: for the rendering
---@return table? held nil if helm ended before that, for whatever reason
function M.start(options)
  local self = setmetatable({
    file = options.file,
    word = "o2x-" .. crypto.hex(crypto.random(16)),
    ready = task.event(),
    may_go = task.event(),
  }, Held)
  local argv, words = { table.unpack(options.argv) }, words_of(self)
  table.move(words, 1, #words, #argv + 1, argv)
  self.task = task.spawn(run, self, { argv = argv, env = options.env, timeout = LONGEST_WAIT, writes = true })
  local ok, problem = pcall(task.wait, self.ready, options.seconds)
  if ok and self.is_ready and not self.ended then return self end
  self:close()
  if not ok then error(problem, 0) end
end

--- What helm has rendered.
---@return o2x.helm.rendering
function Held:rendering() return manifest.rendering(fs.read(self.file)) end

--- Lets helm write.
---@param objects table[] what it shall write, in this order
---@param seconds number
---@return table result of proc.run
function Held:write(objects, seconds)
  fs.write_scratch(self.file, manifest.text(objects))
  self.answer = "write\n"
  self.may_go:set()
  if not self.task:wait(seconds) then
    self:close()
    errors.raise {
      kind = "timeout",
      module = "helm",
      op = "upgrade",
      code = "stopped", -- it may have been done: the gate looks
      message = ("helm did not exit within %g s and was stopped"):format(seconds),
    }
  end
  fs.remove(self.file)
  local result = self.task:join()
  result.stderr = result.stderr:gsub("\n" .. self.word:gsub("%-", "%%-") .. "\n", "")
  return result
end

--- Ends helm. What it was not told to write, it has not written.
function Held:close()
  self.task:cancel()
  self.task:wait(nil, true)
  fs.remove(self.file)
end

return M
