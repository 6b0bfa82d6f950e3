--- The command o2x policy: prints what each system must be told so that it enforces a tenant's grants itself.

local lazy = require "o2x.base.lazy"
local common = lazy "o2x.cli.common"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local policy = lazy "o2x.policy"
local registration = lazy "o2x.engine.registration"
local preparation = lazy "o2x.engine.preparation"
local suggest = lazy "o2x.base.suggest"

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

-- The tenant with the id that the registry holds for it. A file that claims another's is refused, as a run refuses it.
local function load(project, config, name)
  local look = preparation.look(project, config, name)
  local _close <close> = defer(look.close_clients)
  local answered = registration.new(look):check()
  return look.tenant, look.scope, answered
end

-- What the reader must know of the tenant's id.
local function note(tenant, answered)
  if not answered then
    local has = tenant.id and ("%s is taken as %s's"):format(tenant.id, tenant.name)
      or "what begins with its id is missing"
    out.say(("note: the registry does not answer; %s"):format(has))
  elseif not tenant.id then
    local message = "note: %s has no id yet; what begins with it (Redis, broker, S3) follows after onboarding"
    out.say(message:format(tenant.name))
  end
end

local function perform(options, arguments)
  local project, config = common.load_project(options)
  local tenant, grants, answered = load(project, config, arguments[1])
  local systems = chosen(options, grants)
  note(tenant, answered)
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
end

return {
  least = 1,
  most = 1,
  needs = "a tenant",
  help = [[
o2x refuses what is outside a tenant's grants before it sends anything. With
these policies the servers refuse it, too: an identity o2x-TENANT in each of
them may do what the runbooks need for this tenant, and nothing else. Give a
run that identity's credentials instead of an administrator's. The registry is
asked for the tenant's id.]],
  options = {
    {
      "system",
      value = "NAME",
      help = "one system only, as its own tool reads it: " .. table.concat(names(), ", "),
    },
    { "json", help = "print JSON: system → text" },
  },
  run = function(options, arguments) return common.interruptible(perform, options, arguments) end,
}
