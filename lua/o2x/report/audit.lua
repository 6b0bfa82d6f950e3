--- An audit as text: on the terminal, and as a file in Markdown for a ticket.

local mask = require "o2x.base.mask"
local printable = require "o2x.base.printable"

local M = {}

local SIGNS <const> = {
  missing = "+",
  different = "~",
  renamed = "~",
  ["left over"] = "-",
  orphan = "-",
  ["failed check"] = "!",
  ["in the way"] = "!",
}
local LONGEST <const>, OVERVIEW <const> = 6, 40 -- lines of one finding that are shown; of one that stands for many

-- Masked, and in one line: the systems' own texts are in it.
local function text(any) return printable.line(mask.text(tostring(any))) end

--- "3 findings", "1 finding", "no finding"
---@param count integer
---@return string
function M.count(count)
  if count == 0 then return "no finding" end
  return count == 1 and "1 finding" or count .. " findings"
end

--- One line on a tenant's audit.
---@param report table of engine/audit.lua
---@return string
function M.summary(report)
  if report.error then return "could not be audited: " .. text(report.error) end
  if report.orphan then return "a tenant without a file, " .. M.count(#report.findings) end
  if report.unanswered and #report.findings == 0 then return "no finding, but systems did not answer" end
  local inside = ""
  if report.inside > 0 then
    inside = (", and %d more thing%s in what is missing"):format(report.inside, report.inside == 1 and "" or "s")
  end
  return ("%s%s; %d things are as they should be"):format(M.count(#report.findings), inside, report.looked)
end

-- The lines of a difference, the first few of them.
local function shown_lines(finding)
  local lines = {}
  for i = 1, math.min(#finding.lines, finding.overview and OVERVIEW or LONGEST) do
    lines[i] = text(finding.lines[i])
  end
  local more = #finding.lines - #lines
  if more > 0 then lines[#lines + 1] = ("… %d more lines"):format(more) end
  return lines
end

local function place_of(finding)
  return finding.where and finding.where ~= "" and " (" .. text(finding.where) .. ")" or ""
end

--- Writes a report for people.
---@param report table findings, unseen
---@param ranks string[] what each rank means
---@param write fun(line: string)
---@param style table colours: sign(sign, text), bold(text), dim(text)
function M.render(report, ranks, write, style)
  local rank
  for _, finding in ipairs(report.findings) do
    if finding.rank ~= rank then write(style.dim("  " .. ranks[finding.rank])) end
    rank = finding.rank
    local sign = SIGNS[finding.way]
    write(
      ("  %s %s: %s%s"):format(style.sign(sign, sign), finding.way, style.bold(text(finding.what)), place_of(finding))
    )
    for _, line in ipairs(shown_lines(finding)) do
      write("      " .. style.sign(line:match "^%s*([+~-])" or "", line))
    end
    if finding.hint then write("      " .. text(finding.hint)) end
    if finding.mend then write("      mend: " .. style.bold(finding.mend)) end
  end
  for _, line in ipairs(report.unseen) do
    write("  ? not looked at: " .. text(line))
  end
end

-- ---- Markdown ----

local function escaped(any) return (text(any):gsub("[\\`*_<>|%[%]]", "\\%0")) end

-- A block of code: the fence is longer than any in the text.
local function block(lines, write)
  local fence = "```"
  for _, line in ipairs(lines) do
    for ticks in line:gmatch "`+" do
      if #ticks >= #fence then fence = ("`"):rep(#ticks + 1) end
    end
  end
  write(fence)
  for _, line in ipairs(lines) do
    write(line)
  end
  write(fence)
end

local function section(report, ranks, write)
  write(("## %s: %s"):format(escaped(report.tenant), escaped(M.summary(report))))
  write ""
  for _, finding in ipairs(report.findings) do
    write(("### %s: %s"):format(finding.way, escaped(finding.what)))
    write ""
    write(("%s%s."):format(ranks[finding.rank], escaped(place_of(finding))))
    if finding.hint then write(escaped(finding.hint)) end
    write ""
    if #finding.lines > 0 then block(shown_lines(finding), write) end
    if finding.mend then
      write ""
      write "Mend:"
      write ""
      block({ finding.mend }, write)
    end
    write ""
  end
  for _, line in ipairs(report.unseen) do
    write("Not looked at: " .. escaped(line))
    write ""
  end
end

--- Reports as one text in Markdown.
---@param reports table[]
---@param ranks string[]
---@param at string when, in ISO 8601
---@return string
function M.markdown(reports, ranks, at)
  local lines, found = {}, 0
  local function write(line) lines[#lines + 1] = line end
  for _, report in ipairs(reports) do
    found = found + #report.findings
  end
  write "# Audit"
  write ""
  write(("%s, %d tenants, %s"):format(at, #reports, M.count(found)))
  write ""
  for _, report in ipairs(reports) do
    section(report, ranks, write)
  end
  return table.concat(lines, "\n") .. "\n"
end

return M
