--- What happens in folders while something runs, as the kernel tells it: also what was made and removed again.
---
---     local watch <close> = inotify.start({ "/a/folder" }, "/a/file/for/it")
---     …
---     for _, event in ipairs(watch:events()) do print(event.path, event.what) end

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

local Watch = {}
Watch.__index = Watch

local LONGEST <const> = 3600 -- seconds

-- The program that asks the kernel, made of inotify.c beside the log.
local function program(folder)
  local path = fs.join(folder, "inotify")
  if fs.exists(path) then return path end
  local built = proc.run {
    argv = { "cc", "-Wall", "-Wextra", "-Werror", "-O1", "-o", path, "tests/support/inotify.c" },
    timeout = 120,
  }
  assert(built.code == 0, built.stderr)
  return path
end

--- Begins to watch folders, with all that is below them; they need not be there yet. Close it.
---@param folders string[]
---@param own string a folder that is not below them, for its log
---@return table watch
function M.start(folders, own)
  local marks = fs.join(own, "marks")
  if not fs.exists(marks) then fs.mkdir(marks) end
  local self = setmetatable({ log = fs.join(own, "events"), marks = marks, count = 0 }, Watch)
  local argv = { program(own), marks }
  table.move(folders, 1, #folders, #argv + 1, argv)
  fs.remove(self.log)
  self.child = proc.start { argv = argv, timeout = LONGEST, log = self.log }
  eventually("inotify", function() return (fs.read_if(self.log) or ""):find("ready\n", 1, true) end)
  return self
end

--- What happened until now: the kernel tells it in its order, so all of it is there once a mark is.
---@return { path: string, what: string }[]
function Watch:events()
  self.count = self.count + 1
  local mark = ("%s/%d"):format(self.marks, self.count)
  fs.write(mark, "")
  eventually("the mark", function() return fs.read(self.log):find(mark .. "\t", 1, true) end)
  local list = {}
  for path, what in fs.read(self.log):gmatch "([^\n]*)\t([^\n]*)\n" do
    if path:sub(1, #self.marks) ~= self.marks then list[#list + 1] = { path = path, what = what } end
  end
  return list
end

--- Ends it.
function Watch:close()
  if not self.child then return end
  proc.stop(self.child)
  self.child:close()
  self.child = nil
end
Watch.__close = Watch.close

return M
