--- Makes a script ready to run: its placeholders are replaced, its statements are known, and so is whether they run in
--- a transaction. Only scripts that are about to run come here.

local errors = require "o2x.base.error"
local placeholders = require "o2x.client.flyway.placeholders"
local sql = require "o2x.client.flyway.sql"

local M = {}

local function refuse(script, line, message, hint)
  local where = line and ("%s:%d"):format(script, line) or script
  errors.raise { kind = "input", module = "flyway", message = message, hint = hint, where = where }
end

--- Replaces a script's placeholders.
---@param file table script, text, conf
---@param values table<string, string> name in lower case → value
---@return string
function M.replaced(file, values)
  if file.conf.replace == false then return file.text end
  local own = setmetatable({ ["flyway:filename"] = file.script:match "[^/]+$" }, { __index = values })
  local text, problem, line = placeholders.replace(file.text, own)
  if text then return text end
  refuse(file.script, line, problem, ("or write placeholderReplacement=false into %s.conf"):format(file.script))
end

-- Both kinds in one script would be half in a transaction: Flyway's mixed=true, which o2x does not have.
local function refuse_mixture(file, statements)
  local kinds = {}
  for _, statement in ipairs(statements) do
    kinds[sql.outside(statement)] = true
    if kinds[true] and kinds[false] then
      refuse(
        file.script,
        statement.line,
        "some of its statements run in a transaction and some only outside: a migration of its own for each kind",
        ("or write executeInTransaction=false into %s.conf"):format(file.script)
      )
    end
  end
end

local function in_transaction(file, statements)
  if file.conf.transaction ~= nil then return file.conf.transaction end
  refuse_mixture(file, statements)
  return not (statements[1] and sql.outside(statements[1]))
end

-- Outside a transaction of ours, what the script begins it must also end.
local function refuse_open_transaction(file, statements)
  local begun
  for _, statement in ipairs(statements) do
    local what, chained = sql.control(statement)
    if what == "begin" then begun = begun or statement end
    if what and what ~= "begin" and not chained then begun = nil end
  end
  if begun then refuse(file.script, begun.line, "the transaction that begins here is not committed") end
end

local function commits(statements)
  for _, statement in ipairs(statements) do
    if sql.control(statement) == "commit" then return true end
  end
  return false
end

---@class o2x.flyway.script
---@field script string its path below the folder
---@field statements o2x.flyway.statement[]
---@field transaction boolean does it run in one transaction?
---@field commits boolean does it commit by itself, so that a failure may leave a part?

--- Makes a script ready to run. Raises for one that cannot be.
---@param file table of folder.resolve: script, text, conf, program
---@param values table<string, string> placeholders, their names in lower case
---@return o2x.flyway.script
function M.prepare(file, values)
  if file.problem then error(file.problem, 0) end
  if file.program then
    refuse(file.script, nil, "a program, not SQL, which o2x does not run", "run this folder with Flyway itself")
  end
  local text = M.replaced(file, values):gsub("\xEF\xBB\xBF", "") -- files that were joined have marks inside
  local statements, problem, line = sql.statements(text)
  if not statements then refuse(file.script, line, problem) end
  local transaction = in_transaction(file, statements)
  if not transaction then refuse_open_transaction(file, statements) end
  return {
    script = file.script,
    statements = statements,
    transaction = transaction,
    commits = transaction and commits(statements),
  }
end

return M
