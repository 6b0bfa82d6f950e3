--- The result that a runbook sets with output(): a table on the terminal, `result` in --json, JUnit XML in a file.

local clock = require "o2x.base.clock"
local diff = require "o2x.base.diff"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local proposed = require "o2x.report.proposed"
local mask = require "o2x.base.mask"

local M = {}

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

-- Without secrets, and without the control characters that XML 1.0 does not allow.
local function escape(text) return (mask.text(text):gsub("[%z\1-\8\11\12\14-\31]", "?"):gsub('[&<>"]', ESCAPES)) end

local function test_case(suite, row)
  local head = ('  <testcase classname="%s" name="%s" time="%.3f"'):format(
    escape(suite),
    escape(row.check),
    row.seconds or 0
  )
  if row.ok then return head .. "/>" end
  if row.later then return head .. '><skipped message="checked when applied"/></testcase>' end
  local why = escape(row.found or "failed")
  return ('%s><failure message="%s">%s</failure></testcase>'):format(head, why, why)
end

--- Checks as JUnit XML.
---@param suite string
---@param rows { check: string, ok: boolean, found: string?, seconds: number? }[]
---@return string
function M.junit(suite, rows)
  local failures, seconds, cases = 0, 0, {}
  for i, row in ipairs(rows) do
    failures, seconds = failures + ((row.ok or row.later) and 0 or 1), seconds + (row.seconds or 0)
    cases[i] = test_case(suite, row)
  end
  local head = ('<testsuite name="%s" tests="%d" failures="%d" errors="0" time="%.3f" timestamp="%s">'):format(
    escape(suite),
    #rows,
    failures,
    seconds,
    (clock.iso():gsub("Z$", ""))
  )
  return table.concat(
    { '<?xml version="1.0" encoding="UTF-8"?>', head, table.concat(cases, "\n"), "</testsuite>", "" },
    "\n"
  )
end

local function write_junit(run, rows, path)
  local ok, err = pcall(fs.write, path, M.junit(run.runbook.name .. "." .. run.tenant_name, rows))
  if not ok then errors.input("cannot write the JUnit file: " .. tostring(err)) end
end

local function cell(value)
  if value == true then return "yes" end
  if value == false then return "no" end
  if type(value) == "table" then return diff.inline(value) end
  return value == nil and "-" or tostring(value)
end

local function print_table(columns, rows)
  local head, lines = {}, {}
  for i, column in ipairs(columns) do
    head[i] = mask.text(column):upper():gsub("_", " ") -- masked first: in capitals it would not be found
  end
  lines[1] = head
  for _, row in ipairs(rows) do
    local cells = {}
    for i, column in ipairs(columns) do
      cells[i] = cell(row[column])
    end
    lines[#lines + 1] = cells
  end
  out.columns(lines, out.data)
end

-- The columns of the table of checks: where one has a next line, that is the last.
local CHECKS <const>, MENDED <const> = { "check", "ok", "found" }, { "check", "ok", "found", "next" }

local function print_checks(checks)
  local rows, columns = {}, CHECKS
  for i, one in ipairs(checks) do
    rows[i] = { check = one.check, ok = one.ok, found = one.found, next = one.next and proposed.text(one.next) }
    if one.next then columns = MENDED end
  end
  print_table(columns, rows)
end

-- Two plans of the same state are the same.
local function without_times(rows)
  local copies = {}
  for i, row in ipairs(rows) do
    local copy = {}
    for name, item in pairs(row) do
      if name ~= "seconds" then copy[name] = item end
    end
    copies[i] = copy
  end
  return copies
end

--- Prints a run's output, if it has one: the table (unless JSON is wanted), and writes the JUnit file. What a plan
--- would change does not exist yet, so a plan with changes has no output.
---@param run table
---@param options table of the command line
---@return table? rows for --json
function M.print(run, options)
  local output = run.output
  if not output or run.mode == "plan" and run.plan:has_changes() and not output.planned then return nil end
  local rows = output.checks and (run.checks or {}) or output.rows
  if output.junit then write_junit(run, rows, output.junit) end
  if not options.json and output.text then
    if output.text ~= "" then out.text(proposed.text(output.text)) end
  elseif not options.json and output.checks then
    print_checks(rows)
  elseif not options.json then
    print_table(output.columns, rows)
  end
  return json.array(run.mode == "plan" and output.checks and without_times(rows) or rows)
end

return M
