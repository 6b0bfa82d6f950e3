-- docs/effects.md: its tables of effect types come from the types themselves; the rest is written by hand.

local contract = require "o2x.engine.contract"
local effects = require "o2x.effects"
local fs = require "o2x.base.fs"

local M = { path = "docs/effects.md" }

-- Where a table begins and ends in the document.
local TYPES <const> = { "<!-- types: made by make docs -->\n", "<!-- end of types -->" }
local GUARDS <const> = { "<!-- guards: made by make docs -->\n", "<!-- end of guards -->" }

local function all_types()
  local list = {}
  for _, name in ipairs(effects.NAMES) do
    for _, effect_type in ipairs(effects.find(name).types or {}) do
      if effect_type.class ~= "read" then list[#list + 1] = effect_type end
    end
  end
  table.sort(list, function(a, b) return a.kind < b.kind end)
  return list
end

local function rows()
  local lines = {
    "| type | class | after an interruption | before-image | undo | what cannot be undone |",
    "|---|---|---|---|---|---|",
  }
  for _, one in ipairs(all_types()) do
    lines[#lines + 1] = ("| `%s` | %s | %s%s | %s | %s | %s |"):format(
      one.kind,
      one.class,
      contract.known(one.class),
      one.interim and "; a half-done one is recognised" or "",
      one.undo.before,
      one.undo.how,
      one.undo.cannot or "–"
    )
  end
  return table.concat(lines, "\n") .. "\n"
end

local function guards()
  local lines = { "| type | guard |", "|---|---|" }
  for _, one in ipairs(all_types()) do
    lines[#lines + 1] = ("| `%s` | %s |"):format(one.kind, one.guard)
  end
  return table.concat(lines, "\n") .. "\n"
end

local function with(text, place, made)
  local _, head = text:find(place[1], 1, true)
  return text:sub(1, head) .. made .. text:sub(text:find(place[2], 1, true), -1)
end

--- The document, with the tables made anew.
---@return string
function M.text() return with(with(fs.read(M.path), TYPES, rows()), GUARDS, guards()) end

return M
