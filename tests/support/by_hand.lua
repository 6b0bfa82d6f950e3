--- A checklist that is followed: what `o2x guide` prints is run by bash as it stands, in a lab, by the ordinary
--- programs. Where one is not on this machine, a stand-in of tests/support/commands speaks its command line.

local fs = require "o2x.base.fs"
local yaml = require "o2x.base.yaml"

local M = {}

local COMMANDS <const> = fs.realpath "tests/support/commands"

-- The programs that are not here come last, so that a real one is taken.
local function path() return os.getenv "PATH" .. ":" .. COMMANDS end

-- A value of a secrets file, as it is written there.
local function secret_of(files, file, label)
  files[file] = files[file] or yaml.decode(fs.read(file))
  local value = files[file]
  for part in label:gmatch "[^/]+" do
    value = value[math.tointeger(part) or part]
  end
  return tostring(value)
end

--- What a person types who goes by the checklist: the secrets that it asks for, in order.
---@param script string
---@return string text
---@return integer count
function M.typed(script)
  local lines, files = {}, {}
  for name, label, file in script:gmatch "\n# ([%u%d_]+): (%S+) in (/%S+)\nIFS= read" do
    assert(name)
    lines[#lines + 1] = secret_of(files, file, label) .. "\n"
  end
  return table.concat(lines), #lines
end

--- The checklist of a runbook.
---@param lab table
---@param ... string runbook, tenant, name=value …
---@return string script
function M.print(lab, ...)
  local result = lab:o2x { "guide", ... }
  assert(result.code == 0, result.stderr)
  return result.stdout
end

--- Runs a checklist from its first command to its last. Fails where one fails.
---@param lab table
---@param script string
---@return table result of proc.run
function M.follow(lab, script)
  local file = fs.join(fs.temp_folder(), "checklist.sh")
  fs.write(file, script)
  local result = lab:run({ "bash", "-e", file }, { env = { PATH = path() }, stdin = (M.typed(script)), timeout = 600 })
  if result.code ~= 0 then
    local traced = lab:run({ "bash", "-n", file }, {})
    error(("the checklist ended with %d: %s%s"):format(result.code, result.stderr:sub(-2000), traced.stderr), 2)
  end
  fs.remove_tree(fs.folder(file))
  return result
end

--- How many boxes there are of each sort: "[x]" → 12.
---@param script string
---@return table<string, integer>
function M.boxes(script)
  local counts = { ["[x]"] = 0, ["[ ]"] = 0, ["[?]"] = 0 }
  for box in script:gmatch "\n# (%[.%])" do
    counts[box] = counts[box] + 1
  end
  return counts
end

return M
