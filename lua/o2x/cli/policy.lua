--- The command o2x policy: prints what each system must be told so that it enforces a tenant's grants itself.

local common = require "o2x.cli.common"
local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local policy = require "o2x.policy"
local sandbox = require "o2x.script.sandbox"
local suggest = require "o2x.base.suggest"
local tenants = require "o2x.project.tenants"

local function names()
  local list = {}
  for i, system in ipairs(policy.SYSTEMS) do
    list[i] = system.name
  end
  return list
end

-- The systems that the options choose and the grants concern; an unknown one is bad input.
local function chosen(options, grants)
  local concerned = {}
  for _, system in ipairs(policy.SYSTEMS) do
    if policy.concerns(system, grants) then concerned[#concerned + 1] = system end
  end
  if not options.system then return concerned end
  for _, system in ipairs(concerned) do
    if system.name == options.system then return { system } end
  end
  errors.input(
    ("--system=%s: unknown system%s"):format(options.system, suggest.did_you_mean(options.system, names())),
    "one of " .. table.concat(names(), ", ")
  )
end

local function perform(options, arguments)
  local project, config = common.load_project(options)
  local tenant, grants = tenants.load(sandbox.new(project), config, arguments[1])
  local systems = chosen(options, grants)
  local texts = {}
  for _, system in ipairs(systems) do
    texts[system.name] = policy.text(system.name, tenant, grants, config)
  end
  if options.json then return out.json(texts) end
  for _, system in ipairs(systems) do
    if #systems > 1 then
      out.data(("# ---- %s: %s ----"):format(system.name, system.apply:format(policy.identity(tenant))))
    end
    out.text((texts[system.name]:gsub("\n$", "")))
    if #systems > 1 then out.data() end
  end
  if not tenant.id then
    out.say(
      ("note: %s has no id yet; what begins with it (Redis, broker, S3) follows after onboarding"):format(tenant.name)
    )
  end
end

return {
  name = "policy",
  usage = "policy TENANT",
  least = 1,
  most = 1,
  needs = "a tenant",
  summary = "print what each system must be told to enforce the tenant's walls itself",
  help = [[
o2x refuses what is outside a tenant's grants before it sends anything. With
these policies the servers refuse it, too: an identity o2x-TENANT in each of
them may do what the runbooks need for this tenant, and nothing else. Give a
run that identity's credentials instead of an administrator's.]],
  options = {
    {
      "system",
      value = "NAME",
      help = "one system only, as its own tool reads it: " .. table.concat(names(), ", "),
    },
    { "json", help = "print JSON: system → text" },
  },
  run = perform,
}
