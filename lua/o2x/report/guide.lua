--- A checklist for people, as a shell takes it and as Markdown. In both, commands begin in the first column: what is
--- copied is what runs.

local json = require "o2x.base.json"
local printable = require "o2x.base.printable"
local shell = require "o2x.base.shell"

local M = {}

local BOX <const> = { done = "[x]", todo = "[ ]", unknown = "[?]", later = "[ ]" }

---@class o2x.guide.about
---@field runbook string
---@field version string
---@field tenant string
---@field summary string
---@field at string when it was printed
---@field folder string the platform tree, where the commands run
---@field env { name: string, value: string }[] where the systems are
---@field needs string[] variables with credentials that the ordinary programs read
---@field problems string[] what could not be looked at

local function title_of(item)
  local words = { BOX[item.state] }
  if item.kind == "check" then words[#words + 1] = "check:" end
  if item.what and item.state ~= "done" then words[#words + 1] = item.what end
  words[#words + 1] = printable.line(item.title)
  return table.concat(words, " ")
end

-- The shell says what it waits for.
local function asks(name) return ("IFS= read -rsp '%s: ' %s && export %s"):format(name, name, name) end

-- The lines before the first step: the folder, the addresses, the secrets that a person types.
local function preparation(guide, about)
  local lines = { "set -o pipefail", shell.command { "cd", about.folder } }
  for _, one in ipairs(about.env) do
    lines[#lines + 1] = ("export %s=%s"):format(one.name, shell.quote(one.value))
  end
  for _, name in ipairs(about.needs) do
    lines[#lines + 1] = (': "${%s:?}"'):format(name)
  end
  for _, one in ipairs(guide.typed) do
    lines[#lines + 1] = ("# %s: %s in %s"):format(
      one.name,
      printable.line(one.label),
      printable.line(one.source or "?")
    )
    lines[#lines + 1] = asks(one.name)
  end
  return lines
end

local function counts(guide)
  local todo, unknown = guide:count "todo" + guide:count "later", guide:count "unknown"
  local text = ("%d done, %d to do"):format(guide:count "done", todo)
  return unknown > 0 and ("%s, %d not known"):format(text, unknown) or text
end

local function introduction(guide, about)
  return {
    ("%s %s for %s, by hand"):format(about.runbook, about.version, about.tenant),
    about.summary,
    ("%s (%s). [x] is true already, [ ] is to do, [?] is not known."):format(counts(guide), about.at),
  }
end

-- Calls for each step, in the order of the program, then for each of its items.
local function each(guide, on_step, on_item)
  local path
  for _, item in ipairs(guide.items) do
    if item.path ~= path then
      path = item.path
      on_step(path ~= "" and printable.line(path) or "Before the first step")
    end
    on_item(item)
  end
end

local function split(list, text)
  for line in (text .. "\n"):gmatch "(.-)\n" do
    list[#list + 1] = line
  end
end

-- A check is looked at, not done: its commands are comments, so that the whole is a script that only does.
local function add_lines(list, item)
  for _, line in ipairs(item.lines) do
    split(list, line)
  end
end

--- The checklist as a script of bash: headings and boxes are comments.
---@param guide table of engine/guide
---@param about o2x.guide.about
---@return string[] lines
function M.script(guide, about)
  local list = {}
  local function comment(text) list[#list + 1] = text == "" and "#" or "# " .. text end
  for _, line in ipairs(introduction(guide, about)) do
    comment(printable.line(line))
  end
  for _, problem in ipairs(about.problems) do
    comment("! " .. printable.line(problem))
  end
  list[#list + 1] = ""
  comment "== Before you start: in bash, one command after the other"
  table.move(preparation(guide, about), 1, #preparation(guide, about), #list + 1, list)
  each(guide, function(path)
    list[#list + 1] = ""
    comment("== " .. path)
  end, function(item)
    comment(title_of(item))
    if item.why then comment("    not known: " .. printable.line(item.why)) end
    if item.state ~= "done" then add_lines(list, item) end
  end)
  return list
end

-- A fence that the text does not have.
local function fence_of(lines)
  local longest = 2
  for _, line in ipairs(lines) do
    longest = math.max(longest, #(line:match "^%s*(`*)" or ""))
  end
  return ("`"):rep(longest + 1)
end

local function add_block(list, lines)
  local all = {}
  for _, line in ipairs(lines) do
    split(all, line)
  end
  if #all == 0 then return end
  local fence = fence_of(all)
  list[#list + 1] = ""
  list[#list + 1] = fence .. "bash"
  table.move(all, 1, #all, #list + 1, list)
  list[#list + 1] = fence
  list[#list + 1] = ""
end

-- What Markdown would read as its own.
local function escaped(text) return (printable.line(text):gsub("[\\`*_<>#|~&%[%]!]", "\\%0")) end

--- The checklist as Markdown, with boxes to tick.
---@param guide table of engine/guide
---@param about o2x.guide.about
---@return string[] lines
function M.markdown(guide, about)
  local intro = introduction(guide, about)
  local list = { "# " .. escaped(intro[1]), "", escaped(intro[2]), "", escaped(intro[3]), "" }
  for _, problem in ipairs(about.problems) do
    list[#list + 1] = "> " .. escaped(problem)
  end
  list[#list + 1] = "## Before you start"
  add_block(list, preparation(guide, about))
  each(guide, function(path)
    list[#list + 1] = ""
    list[#list + 1] = "## " .. escaped(path)
    list[#list + 1] = ""
  end, function(item)
    local title = title_of(item)
    list[#list + 1] = "- " .. title:sub(1, 3) .. escaped(title:sub(4))
    if item.why then list[#list + 1] = "  not known: " .. escaped(item.why) end
    if item.state ~= "done" then add_block(list, item.lines) end
  end)
  return list
end

--- The checklist as plain values, for --json.
---@param guide table of engine/guide
---@param about o2x.guide.about
---@return table
function M.data(guide, about)
  local items = json.array {}
  for i, item in ipairs(guide.items) do
    items[i] = {
      step = item.path,
      kind = item.kind,
      type = item.type,
      target = item.key,
      title = item.title,
      state = item.state,
      what = item.what,
      commands = json.array(item.lines),
      why = item.why,
    }
  end
  return {
    runbook = about.runbook,
    version = about.version,
    tenant = about.tenant,
    before = json.array(preparation(guide, about)),
    items = items,
    problems = json.array(about.problems),
  }
end

return M
