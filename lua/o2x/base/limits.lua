--- The limits of a run, all numbers in one place. The configuration may change each: limits.NAME in o2x.yaml.

local core = require "o2x.core.sandbox"
local errors = require "o2x.base.error"

local M = {}

--- Name, what is limited, default. A limit is an integer of at least 1.
M.LIST = {
  { "run", "seconds that a run may take", 12 * 60 * 60 },
  { "steps", "steps and checks of a run", 5000 },
  { "effects", "effects of a run", 10000 },
  { "journal", "MiB of a run's journal", 256 },
  { "tasks", "tasks that a run may have at a time, by parallel", 1000 },
  { "nesting", "depth to which parallel may be nested", 10 },
  { "sleeps", "sleeps of a run that are shorter than 10 ms", 10000 },
  { "log_lines", "messages that a run may log", 10000 },
  { "log", "MiB that a run may log", 64 },
  { "rows", "rows or items of one query, list or output", 1000000 },
  { "answer", "MiB of the answer to one query", 256 },
  { "pages", "pages of one list of a server", 2000 },
  { "memory", "MiB of memory for scripts and what they hold", 1024 },
}

-- The numbers in force. They belong to the process, because all runs of a process have the same configuration.
local values = {}

--- Puts the configuration's numbers in force.
---@param given table<string, integer>? name → number; the default where one is absent
function M.use(given)
  for _, limit in ipairs(M.LIST) do
    values[limit[1]] = given and given[limit[1]] or limit[3]
  end
end

M.use()

--- The number in force.
---@param name string
---@return integer
function M.get(name) return values[name] or error("no limit " .. tostring(name)) end

--- A limit in MiB as bytes.
---@param name string
---@return integer
function M.bytes(name) return M.get(name) << 20 end

-- "1,000,000"
local function thousands(number)
  return (("%d"):format(number):reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", ""))
end

--- Raises the error of a limit that was reached.
---@param name string
---@param what string how it is counted, with %s for the number: "more than %s steps"
---@param where string? the script's line; the one that called, if absent
function M.reached(name, what, where)
  errors.raise {
    kind = "failed",
    code = "limit",
    where = where or core.where(),
    message = what:format(thousands(M.get(name))),
    hint = ("if that is meant, raise limits.%s in o2x.yaml; o2x config explain shows the limits"):format(name),
  }
end

--- Counts what a run uses up; raises an error beyond the limit.
---@param run table run.used keeps the counts
---@param name string
---@param amount number
---@param what string as for reached
---@param unit integer? of the limit, 1 if absent: 1 << 20 where it is MiB
function M.count(run, name, amount, what, unit)
  run.used = run.used or {}
  run.used[name] = (run.used[name] or 0) + amount
  if run.used[name] <= M.get(name) * (unit or 1) then return end
  M.reached(name, what, run.sandbox and run.sandbox:where())
end

--- Refuses to begin anything more in a run whose journal is too long. What has begun may still end.
---@param run table
function M.check_journal(run)
  if not run.journal or (run.journal.size or 0) <= M.bytes "journal" then return end
  M.reached("journal", "the run's journal has more than %s MiB", run.sandbox and run.sandbox:where())
end

return M
