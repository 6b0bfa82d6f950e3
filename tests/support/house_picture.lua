--- The house as a picture: rooms as boxes, arrows between them with the number of files that use a file of the other
--- room. `make house` writes it to docs/house.svg.

local house = require "tests.support.house"
local proc = require "o2x.base.proc"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

-- Each room in a few words, and the colour of its floor.
local ABOUT <const> = {
  main = "finds the command",
  cli = "one file a command",
  doctor = "what a project needs, and the line that mends it",
  prove = "runs that are killed and disturbed, in labs",
  policy = "what the servers must be told to enforce",
  engine = "runs: gate, journal, plan, resume",
  script = "what scripts see: sandbox, words, check",
  project = "what lies on disk: config, tenants, runbooks",
  effects = "what scripts can do: o2x.pg, o2x.k8s, …",
  client = "the wire: PostgreSQL, Kubernetes, Vault, …",
  report = "what people see: output, progress",
  base = "knows nothing of runs: files, time, JSON, tasks",
  host = "C: event loop, tasks, sockets, the wire formats",
  lab = "a platform in miniature: simulators",
  stdlib = "the platform's own words for runbooks",
  runbooks = "what operators run",
}
local COLOUR <const> = {
  host = "#d9d9d9",
  lab = "#fde8d0",
  stdlib = "#dcefd8",
  runbooks = "#dcefd8",
  base = "#e8eef7",
  report = "#e8eef7",
}

-- Nearly every room stands on these: how often is written into its box, an arrow comes from the floor above only.
local FLOORS <const> = { base = "report", host = "base" }

local function room_line(room, count, folder, uses)
  local floors = {}
  for _, floor in ipairs { "base", "host" } do
    if uses[floor] and FLOORS[floor] ~= room then floors[#floors + 1] = ("%s %d"):format(floor, uses[floor]) end
  end
  return (
    '    %s [fillcolor="%s" label=<<b>%s</b>  <font point-size="10" color="#666666">%s%d %s</font><br/>'
    .. '<font point-size="11">%s</font>%s>]'
  ):format(
    room,
    COLOUR[room] or "#d6e4f5",
    room,
    folder,
    count,
    count == 1 and "file" or "files",
    assert(ABOUT[room], "no words for the room " .. room),
    #floors > 0 and ('<br/><font point-size="10" color="#666666">uses %s</font>'):format(table.concat(floors, " · "))
      or ""
  )
end

-- Thicker with the number, by its order of magnitude; dashed where the program asks for a file of the platform.
local function arrow_line(from, to, count)
  return (
    '  %s -> %s [penwidth=%.1f%s label=<<table border="0" cellborder="0" cellpadding="1" bgcolor="white">'
    .. "<tr><td>%d</td></tr></table>>]"
  ):format(
    from,
    to,
    0.8 + math.log(count, 10) * 0.9,
    to == "stdlib" and from ~= "runbooks" and " style=dashed" or "",
    count
  )
end

--- The picture in Graphviz's language; the same sources give the same text.
---@param this table house of tests/support/house.lua
---@return string
function M.dot(this)
  local files, arrows = this:rooms()
  local lines = {
    "digraph house {",
    '  label="number: uses of files of that room · dashed: asks for stdlib/platform.lua" fontsize=11',
    "  graph [rankdir=TB]",
    '  graph [nodesep=0.5 ranksep=0.45 fontname="Helvetica" fontcolor="#44566c" pad=0.3 splines=true newrank=true]',
    '  node [shape=box style="filled,rounded" color="#5b6b7f" fontname="Helvetica" fontsize=15 margin="0.2,0.1"]',
    '  edge [color="#44566c" fontcolor="#44566c" fontname="Helvetica" fontsize=10 arrowsize=0.7]',
  }
  local function add(line) lines[#lines + 1] = line end
  local function room(name, folder) add(room_line(name, files[name] or 0, folder, arrows[name] or {})) end
  add '  subgraph cluster_o2x { label="build/o2x: lua/o2x and host" style="rounded" color="#9fb3cc" fontsize=13'
  for _, name in ipairs(house.STOREYS) do
    room(name, "")
  end
  -- One storey below the other, whatever the arrows say.
  add("    " .. table.concat(house.STOREYS, " -> ") .. " -> host [style=invis weight=50]")
  add "  }"
  add '  subgraph cluster_scripts { label="plain files, read at run time" style="rounded" color="#a9cba1" fontsize=13'
  room("runbooks", "runbooks/ ")
  room("stdlib", "stdlib/ ")
  add "  }"
  add '  subgraph cluster_lab { label="build/o2x-lab" style="rounded" color="#e3b98a" fontsize=13'
  room("lab", "lua/lab/ ")
  add "  }"
  room("host", "host/ ")
  for _, from in ipairs(sorted_keys(arrows)) do
    for _, to in ipairs(sorted_keys(arrows[from])) do
      if not FLOORS[to] or FLOORS[to] == from then add(arrow_line(from, to, arrows[from][to])) end
    end
  end
  add "}"
  return table.concat(lines, "\n") .. "\n"
end

--- Draws the picture. The text that it was drawn from stands in it as a comment: the drawing itself differs between
--- Graphviz's versions.
---@param dot string
---@return string svg
function M.svg(dot)
  local drawn = proc.run { argv = { "dot", "-Tsvg" }, stdin = dot, timeout = 60 }
  assert(drawn.code == 0, drawn.stderr)
  local svg = drawn.stdout:gsub("<!%-%-.-%-%->\n", "")
  return (svg:gsub("</svg>%s*$", function() return "<!--\n" .. dot .. "-->\n</svg>\n" end))
end

--- The text that a picture was drawn from.
---@param svg string
---@return string? dot
function M.source(svg) return svg:match "<!%-%-\n(digraph house.-)%-%->" end

return M
