--- The command o2x windows: when tenants may be changed, by the project's calendar.

local calendar = require "o2x.project.calendar"
local clock = require "o2x.base.clock"
local common = require "o2x.cli.common"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local sandbox = require "o2x.script.sandbox"
local tenant_files = require "o2x.project.tenant_files"
local tenants = require "o2x.project.tenants"

local function names_of(config, word)
  local known = tenant_files.names(config)
  if not word then return known end
  tenants.check_name(word)
  for _, name in ipairs(known) do
    if name == word then return { word } end
  end
  tenant_files.unknown(config, word, nil, "o2x list --tenants lists them")
end

local function perform(options, arguments)
  local project, config = common.load_project(options)
  if not config.calendar then
    errors.input("the project has no calendar: every tenant may be changed at any time", "o2x help windows")
  end
  local read = calendar.read(config.calendar, tenant_files.names(config))
  local now, box, files = calendar.time(read, clock.now()), sandbox.new(project), tenant_files.read(config)
  local style, rows, list = out.style(1), {}, {}
  for i, name in ipairs(names_of(config, arguments[1])) do
    local closed = calendar.closed(read, tenants.fields(box, config, name, files), now)
    list[i] = { tenant = name, open = closed == nil, why = closed and closed.message, ask = closed and closed.ask }
    rows[i] = {
      name,
      closed and style.yellow "closed" or style.green "open",
      closed and closed.message .. (closed.ask and "; ask " .. closed.ask or "") or "",
    }
  end
  if options.json then return out.json { now = now.moment, zone = read.zone, tenants = json.array(list) } end
  out.columns(rows, out.data, out.width())
end

return {
  most = 1,
  help = [[
calendar: FILE in o2x.yaml names a file such as

  zone: Europe/Berlin            # of all times here; UTC if absent
  freezes:                       # nothing is changed meanwhile
    - name: year end
      from: 2026-12-20           # the whole day, or 2026-12-20 18:00
      to: 2027-01-04
      tenants: all               # as --tenants: all, names, or FIELD=VALUE
      ask: the platform's lead   # who knows more
    - name: weekend
      weekly: Fri 16:00 - Mon 06:00
      tenants: environment=production
  windows:                       # whoever has one is changed only within one
    - name: nights
      weekly: [Mon-Thu 22:00-05:00, Sun]
      tenants: environment=production

A run that would change a tenant meanwhile is refused (exit code 5), also one
of a runbook for emergencies. --override-freeze --reason=WHY does it all the
same; the journal keeps who did so and why. A run that has begun goes on when
its window ends. Plans, and whatever only reads, are never refused.]],
  options = {
    { "json", help = "print JSON" },
  },
  run = perform,
}
