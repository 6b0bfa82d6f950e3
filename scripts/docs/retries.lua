-- docs/retries.md, from the tables of lua/o2x/base/retry_rules.

local retry = require "o2x.base.retry"
local retry_rules = require "o2x.base.retry_rules"

local M = { path = "docs/retries.md" }

local HEAD <const> = [[
# Retries

What o2x does when a system does not do what it was asked: which failures are worth another try, and for how long.
`make docs` makes this page from the tables in `lua/o2x/base/retry_rules/`, which is the only place that decides it.
A failure that is not in a table is not retried.

- **One operation** is a read or a write with all its attempts and pauses. It ends after `retry.seconds` (60;
  `O2X_RETRY_SECONDS`), at the latest after %d attempts. The error then says how often and how long o2x tried.
- **Pauses** are random, below a limit that doubles from %g s to %g s. Where the server sends Retry-After, o2x waits as
  long as it says, at most %d s.
- **A pause is shown** in the live view, and the run's `log` has each of them.
- **A system that has not answered yet** in this run perhaps has a wrong address. Until it has answered once, with
  whatever, o2x makes only %d attempts.
- **A write is never sent again blindly.** Where it was surely not carried out, it is sent again after the value was
  read anew. Where that is unknown, the gate first asks the system, in the way of the effect's class
  ([effects.md](effects.md)); if even that gives no answer, the run stops.

| verdict | a read | a write |
|---|---|---|
]]

local function cell(text) return (text:gsub("|", "\\|")) end

-- How a failure is recognised, as people write it.
local function recognised(rule)
  local parts = {}
  for _, name in ipairs { "status", "code", "text" } do
    local pattern = rule[name]
    if pattern then
      local plain = pattern:gsub("^%^", ""):gsub("%$$", ""):gsub("%%d%%d$", "xx"):gsub("%%d", "x")
      plain = plain:gsub("%[%u(%l)%]", "%1"):gsub("%%w%*", "…"):gsub("%%(%p)", "%1"):gsub("%.%*", " … ")
      parts[#parts + 1] = (name == "text" and "“%s”" or "`%s`"):format(cell(plain))
    end
  end
  if rule.uncertain then parts[#parts + 1] = "in a commit" end
  return table.concat(parts, ", ")
end

local function section(add, system)
  add(("## %s\n"):format(system.title))
  local rules = retry_rules.rules(system.name)
  if rules[1] then
    add "| recognised by | what it means | verdict | what to do |"
    add "|---|---|---|---|"
    for _, rule in ipairs(rules) do
      add(
        ("| %s | %s | %s | %s |"):format(
          recognised(rule),
          rule.means .. (rule.silent and " (no answer)" or ""),
          rule.verdict,
          cell(rule.hint or "–")
        )
      )
    end
    add ""
  end
  for _, other in ipairs(retry_rules.SYSTEMS) do
    if other.name == system.like then add(("Else as for: %s.\n"):format(other.title:lower():gsub("http", "HTTP"))) end
  end
end

--- The document.
---@return string
function M.text()
  local head =
    HEAD:format(retry.attempts, retry.first * 2, retry.longest, retry.longest_retry_after, retry.first_attempts)
  local lines = {}
  local function add(line) lines[#lines + 1] = line end
  for _, name in ipairs { "later", "ask", "reads", "never" } do
    local verdict = retry_rules.VERDICTS[name]
    add(("| %s | %s | %s |"):format(name, verdict.read, verdict.write))
  end
  add ""
  for _, system in ipairs(retry_rules.SYSTEMS) do
    section(add, system)
  end
  return head .. table.concat(lines, "\n")
end

return M
