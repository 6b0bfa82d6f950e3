--- The findings of diagnose, each with its severity, its evidence, and what ends it.

local M = {}

--- Worst first. critical: something does not work; warning: it works badly or will soon fail; note: worth knowing.
M.SEVERITIES = { "critical", "warning", "note" }

local RANK = { critical = 1, warning = 2, note = 3 }
local LONGEST <const> = 300 -- bytes of one text
local TIMEOUT <const> = 30 -- seconds for one check

local function one_line(text)
  text = tostring(text):gsub("%s+", " ")
  return #text > LONGEST and text:sub(1, LONGEST) .. " …" or text
end

---@class o2x.remedy what to do about a finding, at least one of:
---@field say string? in words, what people have to do first, or instead
---@field mend string? the command that ends the finding
---@field look string? a command that shows more, and changes nothing
---@field first boolean? no onboarding begins before people have done what `say` says

-- A remedy as one text. Commands are never cut.
local function in_words(remedy)
  local parts = {}
  if remedy.say and remedy.mend then
    parts[1] = one_line(remedy.say) .. ", then: " .. remedy.mend
  else
    parts[1] = remedy.mend or remedy.say and one_line(remedy.say)
  end
  if remedy.look then parts[#parts + 1] = (#parts > 0 and "see: " or "") .. remedy.look end
  assert(#parts > 0, "a finding without a remedy")
  return table.concat(parts, "; ")
end

--- An empty list of findings. Its field `area` names the chapter; `restore` is the remedy for a table that is gone.
---@return { list: table[], area: string?, restore: o2x.remedy? } found
function M.new() return { list = {} } end

--- Adds a finding.
---@param found table of M.new
---@param severity "critical"|"warning"|"note"
---@param subject string a service, a table …
---@param finding string what is wrong
---@param evidence any what shows it; "-" if nil
---@param remedy o2x.remedy
function M.add(found, severity, subject, finding, evidence, remedy)
  assert(RANK[severity], "no such severity")
  table.insert(found.list, {
    severity = severity,
    area = found.area,
    subject = subject,
    finding = one_line(finding),
    evidence = evidence and one_line(evidence) or "-",
    fix = in_words(remedy),
    mend = remedy.mend,
    look = remedy.look,
    first = remedy.first and remedy.say or nil,
    number = #found.list,
  })
end

--- The ids of rows, as evidence: "17, 18".
---@param rows { id: any }[]
---@return string
function M.ids(rows)
  local ids = {}
  for i, row in ipairs(rows) do
    ids[i] = row.id
  end
  return table.concat(ids, ", ")
end

-- SQLSTATEs of a table, column, schema or function that is gone, which Flyway does not make again.
local LOST <const> = { ["42P01"] = true, ["42703"] = true, ["3F000"] = true, ["42883"] = true }

--- Runs one check, for at most 30 s. An error is a finding as well and does not stop the others.
---@param found table of M.new
---@param subject string
---@param remedy o2x.remedy what to do if the check cannot run
---@param fn function
---@param ... any arguments of fn
---@return boolean ok whether the check could run
function M.check(found, subject, remedy, fn, ...)
  local ok, problem = pcall(timeout, TIMEOUT, fn, ...)
  if not ok and problem.code == "when_applied" then return ok end -- a plan sends no test
  if not ok then
    local lost = found.restore and LOST[problem.code]
    M.add(found, "critical", subject, "cannot be checked", problem, lost and found.restore or remedy)
  end
  return ok
end

--- All findings, worst first; otherwise in the order of the parts.
---@param parts table[] of M.new
---@return table[] rows severity, area, subject, finding, evidence, fix; mend and look where there is such a command
function M.ranked(parts)
  local rows = {}
  for part, found in ipairs(parts) do
    for _, row in ipairs(found.list) do
      row.part = part
      rows[#rows + 1] = row
    end
  end
  table.sort(rows, function(a, b)
    if a.severity ~= b.severity then return RANK[a.severity] < RANK[b.severity] end
    if a.part ~= b.part then return a.part < b.part end
    return a.number < b.number
  end)
  for _, row in ipairs(rows) do
    row.part, row.number = nil, nil
  end
  return rows
end

--- During a maintenance nothing else may be changed by a run: says so in the words of each finding but its own.
---@param rows table[]
---@param ends string the command that ends the maintenance
function M.wait_for_maintenance(rows, ends)
  for _, row in ipairs(rows) do
    if row.mend and row.mend ~= ends and row.mend:find "^o2x run " then
      row.fix = "after the maintenance: " .. row.fix
    end
  end
end

-- What people have to do before any onboarding begins, each once.
local function first_of(rows)
  local list, known = {}, {}
  for _, row in ipairs(rows) do
    if row.first and not known[row.first] then
      known[row.first], list[#list + 1] = true, row.first
    end
  end
  return list
end

--- Onboarding is refused without the secrets that it needs: each finding that it ends says which.
---@param rows table[]
---@param onboard string the command without options
function M.secrets_first(rows, onboard)
  local first = first_of(rows)
  for _, row in ipairs(rows) do
    if first[1] and row.mend and (row.mend .. " "):find(onboard .. " ", 1, true) then
      local before = {}
      for _, say in ipairs(first) do
        if say ~= row.first then before[#before + 1] = say end
      end
      if before[1] then row.fix = table.concat(before, "; ") .. ", then: " .. row.fix end
    end
    row.first = nil
  end
end

--- The number of findings by severity.
---@param rows table[]
---@return string "2 critical, 1 warning", or "no findings"
function M.summary(rows)
  local counts, parts = {}, {}
  for _, row in ipairs(rows) do
    counts[row.severity] = (counts[row.severity] or 0) + 1
  end
  for _, severity in ipairs(M.SEVERITIES) do
    if counts[severity] then parts[#parts + 1] = ("%d %s"):format(counts[severity], severity) end
  end
  return #parts > 0 and table.concat(parts, ", ") or "no findings"
end

--- The findings as text, three lines each.
---@param rows table[]
---@return string
function M.text(rows)
  local lines = {}
  for _, row in ipairs(rows) do
    lines[#lines + 1] = ("%-8s  %s: %s"):format(row.severity:upper(), row.subject, row.finding)
    lines[#lines + 1] = "          evidence: " .. row.evidence
    lines[#lines + 1] = "          fix: " .. row.fix
  end
  return table.concat(lines, "\n")
end

return M
