-- Appends durable records to a journal: o2x.lua FILE RECORDS TASKS, so many tasks at the same time.

local journal = require "o2x.engine.journal"
local task = require "o2x.base.task"

local path, records, tasks = arg[2], tonumber(arg[3]), tonumber(arg[4])
local run = journal.create(path, { tenant = "alpha" })

-- About as long as the result of an effect on a small object.
local function record(i)
  return {
    t = "result",
    path = "Build/house",
    effect = ("%032x"):format(i),
    outcome = "created",
    after = { owner = "alpha", text = ("x"):rep(60) },
    seconds = 0.001,
    at = "2026-02-10T12:00:00.000Z",
  }
end

local list, made = {}, {}
for i = 1, tasks do
  list[i], made[i] = i, record(i)
end
local start = task.now()
for i = 1, records // tasks do
  if tasks == 1 then
    run:append(made[1])
  else
    task.each(list, function(j) run:append(made[j]) end)
  end
end
local seconds = task.now() - start
run:close()
print(("figure: %.9f"):format(seconds / (records // tasks * tasks)))
