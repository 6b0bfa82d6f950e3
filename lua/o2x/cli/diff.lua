--- The command o2x diff: what differs between two runs.

local common = require "o2x.cli.common"
local compare = require "o2x.engine.compare"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local units = require "o2x.base.units"
local history = require "o2x.engine.history"

local function open(store, word)
  local h = store:look(store:find(word))
  if h.damaged then error(h.damaged, 0) end
  return h
end

local function head(sign, h, style)
  out.data(
    ("%s %s  %s %s for %s  %s, %s  %s"):format(
      style.sign(sign, sign),
      style.bold(h.id),
      h.runbook.name,
      h.runbook.version or "",
      h.tenant,
      h.status,
      units.duration(history.seconds(h)),
      style.dim(h.started)
    )
  )
end

local function write_lines(lines, depth, style)
  for _, line in ipairs(lines) do
    out.data(depth .. style.sign(line:match "^%s*([+~-])" or "", line))
  end
end

local function count(lines)
  local more, less = 0, 0
  for _, line in ipairs(lines) do
    more, less = more + (line:find "^+" and 1 or 0), less + (line:find "^%-" and 1 or 0)
  end
  return ("%d lines more, %d less"):format(more, less)
end

local function write_sources(list, style, full)
  for _, one in ipairs(list) do
    out.data(("%s  %s"):format(style.sign(one.sign, one.sign .. " script " .. one.path), style.dim(count(one.lines))))
    if full then write_lines(one.lines, "    ", style) end
  end
end

local function from_to(one)
  if one.before and one.after then
    return one.before == one.after and one.after or ("%s → %s"):format(one.before, one.after)
  end
  return one.after or one.before
end

local function write(found, style, full)
  write_lines(found.told, "", style)
  write_sources(found.sources, style, full)
  for _, one in ipairs(found.steps) do
    out.data(("%s  %s"):format(style.sign(one.sign, one.sign .. " step " .. one.path), from_to(one)))
  end
  for _, one in ipairs(found.effects) do
    out.data(
      ("%s %s  %s"):format(style.sign(one.sign, one.sign .. " " .. one.kind), one.target, style.dim(from_to(one)))
    )
    write_lines(one.lines, "    ", style)
  end
end

local function data(one, other, found)
  for _, name in ipairs { "told", "sources", "steps", "effects" } do
    found[name] = json.array(found[name])
  end
  for _, item in ipairs(found.effects) do
    item.lines = json.array(item.lines)
  end
  found.runs = { one.id, other.id }
  return found
end

local function perform(options, arguments)
  local store, style = common.store(options), out.style(1)
  local one, other = open(store, arguments[1]), open(store, arguments[2])
  local found = compare.runs(store, one, other)
  if options.json then return out.json(data(one, other, found)) end
  head("-", one, style)
  head("+", other, style)
  if #found.told + #found.sources + #found.steps + #found.effects == 0 then
    return out.say "they were told the same, and did the same"
  end
  write(found, style, options.full)
end

return {
  least = 2,
  most = 2,
  needs = "two runs",
  help = [[
What they were told (runbook, parameters, tenant, version), which of their
scripts differ, which steps, and what each changed: + only the second run has
it, - only the first, ~ both, and it differs. A thing that a run found as it
should be is not in the list.]],
  options = {
    { "full", help = "show the lines in which the scripts differ" },
    { "json", help = "print JSON" },
  },
  run = perform,
}
