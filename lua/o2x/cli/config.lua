--- The command o2x config explain: shows the configuration and where each value comes from.

local lazy = require "o2x.base.lazy"
local common = lazy "o2x.cli.common"
local errors = require "o2x.base.error"
local json = lazy "o2x.base.json"
local aws_keys = lazy "o2x.client.aws.credentials.explain"
local out = require "o2x.report.out"

-- What is set for the ecosystem's own clients.
local function show_environment(list, style)
  if #list == 0 then return end
  local rows = {}
  for i, entry in ipairs(list) do
    rows[i] = { style.bold(entry.variable), entry.state, entry.help }
  end
  out.data ""
  out.data "set in the environment:"
  out.columns(rows, out.data)
end

-- The region of AWS may be the profile's.
local function complete(list, aws)
  for _, entry in ipairs(list) do
    if entry.key == "aws.region" and aws.region then
      entry.value, entry.source = aws.region, aws.region_source
    end
  end
end

local function perform(options, arguments)
  if arguments[1] ~= "explain" then
    errors.input(("config: unexpected argument %q"):format(out.printable(arguments[1])), "usage: o2x config explain")
  end
  local _, config = common.load_project(options)
  local list, environment = config.explain(), config.environment()
  local aws = aws_keys.source(config)
  complete(list, aws)
  if options.json then
    list[#list + 1] = { key = "aws keys", value = aws.keys, source = "chosen", help = "where AWS's keys come from" }
    return out.json(json.array(table.move(environment, 1, #environment, #list + 1, list)))
  end
  local style, rows = out.style(1), {}
  for i, entry in ipairs(list) do
    rows[i] = { style.bold(entry.key), entry.value or "-", style.dim(entry.source), entry.help }
  end
  out.columns(rows, out.data)
  out.data(
    style.dim(
      "precedence: --set=KEY=VALUE > O2X_* > o2x.yaml > ~/.config/o2x/config.yaml"
        .. " > PG*, VAULT_*, KUBECONFIG, AWS_* … > default"
    )
  )
  out.data("keys of AWS: " .. aws.keys)
  show_environment(environment, style)
end

return {
  least = 1,
  most = 1,
  needs = "the argument explain",
  options = { { "json", help = "print JSON" } },
  run = perform,
}
