--- One effect of a run, as people and programs see it.

local json = require "o2x.base.json"
local lazy = require "o2x.base.lazy"
local out = require "o2x.report.out"
local units = lazy "o2x.base.units"

local M = {}

local SIGNS <const> =
  { created = "+", changed = "~", deleted = "-", unchanged = "=", begun = "?", failed = "!", dropped = "." }
local MAX_LINES <const> = 12 -- of a change, unless all are wanted

--- What --json has of an effect.
---@param e table an entry of a history
---@return table
function M.data(e)
  return {
    id = e.id,
    step = e.path,
    kind = e.kind,
    target = e.key,
    outcome = e.outcome,
    before = e.before,
    after = e.image,
    desired = e.desired,
    seconds = e.seconds,
    at = e.at,
    retries = e.retries or 0,
    diff = e.show and json.array(e.show.lines or {}),
    info = e.info,
  }
end

--- Prints an effect: its kind, what it is about, its outcome, and the lines of its change.
---@param e table an entry of a history
---@param depth string blanks before each line
---@param style table of out.style
---@param full boolean? every line of the change
---@param tail string? what stands behind its outcome
function M.write(e, depth, style, full, tail)
  local sign = SIGNS[e.outcome]
  local title = e.show and e.show.title or e.key
  out.data(
    ("%s%s %s  %s"):format(
      depth,
      style.sign(sign, sign .. " " .. e.kind),
      title,
      style.dim(e.outcome .. (e.seconds and ", " .. units.duration(e.seconds) or "") .. (tail or ""))
    )
  )
  local lines = e.show and e.show.lines or {}
  for i, line in ipairs(lines) do
    if i > MAX_LINES and not full then
      out.data(("%s    … %d more lines (--full)"):format(depth, #lines - MAX_LINES))
      break
    end
    out.data(depth .. "    " .. style.sign(line:match("^%s*([+~-])") or "", line))
  end
end

return M
