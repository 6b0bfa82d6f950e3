--- What diagnose has found: each thing with its severity, its evidence and the command that mends it.

local M = {}

--- Worst first. critical: something does not work; warning: it works badly, or soon will not; note: worth knowing.
M.SEVERITIES = { "critical", "warning", "note" }

local RANK = { critical = 1, warning = 2, note = 3 }
local LONGEST = 300 -- bytes of evidence
local PATIENCE = 30 -- seconds for one look

local function one_line(text)
  text = tostring(text):gsub("%s+", " ")
  return #text > LONGEST and text:sub(1, LONGEST) .. " …" or text
end

--- An empty list.
---@return table
function M.new() return { list = {} } end

--- Adds a finding.
---@param found table
---@param severity "critical"|"warning"|"note"
---@param subject string what it is about: a service, a table …
---@param finding string
---@param evidence any what was seen
---@param mend string the command that mends it, or shows more
function M.add(found, severity, subject, finding, evidence, mend)
  assert(RANK[severity], "no such severity")
  table.insert(found.list, {
    severity = severity,
    area = found.area,
    subject = subject,
    finding = one_line(finding),
    evidence = evidence and one_line(evidence) or "-",
    mend = one_line(mend),
    number = #found.list,
  })
end

--- Runs one look at something, not for ever. That it cannot be looked at is a finding, too, and does not stop the others.
---@param found table
---@param subject string
---@param mend string what to do when it fails
---@param fn function
---@param ... any arguments of fn
---@return boolean ok
function M.look(found, subject, mend, fn, ...)
  local ok, problem = pcall(timeout, PATIENCE, fn, ...)
  if not ok then M.add(found, "critical", subject, "cannot be looked at", problem, mend) end
  return ok
end

--- All that was found, worst first.
---@param parts table[] lists of findings
---@return table[] rows severity, area, subject, finding, evidence, mend
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

--- How many of each severity, in words.
---@param rows table[]
---@return string "2 critical, 1 warning"
function M.summary(rows)
  local counts, words = {}, {}
  for _, row in ipairs(rows) do
    counts[row.severity] = (counts[row.severity] or 0) + 1
  end
  for _, severity in ipairs(M.SEVERITIES) do
    if counts[severity] then words[#words + 1] = ("%d %s"):format(counts[severity], severity) end
  end
  return #words > 0 and table.concat(words, ", ") or "no finding"
end

--- The findings for people: a paragraph each.
---@param rows table[]
---@return string
function M.text(rows)
  local lines = {}
  for _, row in ipairs(rows) do
    lines[#lines + 1] = ("%-8s  %s: %s"):format(row.severity:upper(), row.subject, row.finding)
    lines[#lines + 1] = "          seen: " .. row.evidence
    lines[#lines + 1] = "          mend: " .. row.mend
  end
  return table.concat(lines, "\n")
end

return M
