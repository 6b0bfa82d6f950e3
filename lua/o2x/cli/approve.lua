--- The command o2x approve: signs a plan that somebody else made.

local approvals = require "o2x.engine.approvals"
local common = require "o2x.cli.common"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local plan = require "o2x.engine.plan"
local plan_file = require "o2x.engine.plan_file"
local proposed = require "o2x.report.proposed"
local user_folders = require "o2x.base.user_folders"

local OWN_KEYS <const> = { "id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk" }

-- The operator's own key, as ssh finds it.
local function key_of(options)
  if options.key then
    local there = fs.stat(options.key)
    if there and there.type == "file" then return options.key end
    errors.input(
      there and "this is no key" or "no such key",
      "--key names a private key, or the public one of a key in ssh-agent",
      options.key
    )
  end
  local home = user_folders.home()
  for _, name in ipairs(OWN_KEYS) do
    local path = home and fs.join(home, ".ssh", name)
    if path and fs.exists(path) then return path end
  end
  errors.input(
    "there is no key in ~/.ssh",
    "name one: --key=FILE; of a key in ssh-agent the public one: ssh-add -L > key.pub; ssh-keygen -t ed25519 makes one"
  )
end

-- A tenant's part of the file as a plan that can be shown.
local function plan_of(part)
  local shown = plan.new()
  for _, effect in ipairs(part.effects) do
    local changes = effect.outcome ~= "unchanged" and effect.outcome ~= "open"
    effect.place = nil
    if changes then
      shown:change(effect)
    else
      shown:unchanged(effect)
    end
  end
  for _, check in ipairs(part.checks) do
    shown:check_later(check.path, check.name)
  end
  return shown
end

local function show(file, style, full)
  local header = file.header
  for _, part in ipairs(file.parts) do
    local h, shown = part.header, plan_of(part)
    out.data(
      style.bold(
        ("%s %s for %s, by %s@%s, %s; it counts until %s"):format(
          h.runbook.name,
          h.runbook.version,
          h.tenant,
          header.user,
          header.host,
          header.at,
          header.plan.valid_until
        )
      )
    )
    shown:render(out.data, style, full)
    out.data(style.bold(shown:totals()))
  end
end

-- A signature that does not count is none: apply would refuse with it, too.
local function check_counts(path, approval, found, others, users)
  for _, one in ipairs(others) do
    if one.path == approval then
      fs.remove(approval)
      errors.raise {
        kind = "unapproved",
        where = path,
        message = "it is not signed: " .. one.why,
        hint = "may approve: " .. approvals.may_approve(found, users),
      }
    end
  end
end

local function tenants_word(file) return file.header.plan.selector or file.parts[1].header.tenant end

local function perform(options, arguments)
  local path = arguments[1]
  local file = plan_file.read(path)
  local project, config = common.load_project(options)
  local found = approvals.rules(project, config)
  if not found then
    errors.input("the project asks for no approvals: o2x.yaml has no `approvals`", "o2x help approve")
  end
  approvals.check_rules(path, file, found)
  local key = (options.key or options.confirm) and key_of(options)
  if not options.confirm then
    local again = proposed.again("--confirm=" .. tenants_word(file))
    if options.json then return out.json { plan = file.hash, tenants = file.header.plan.tenants, next = again } end
    show(file, out.style(1), options.full)
    return out.data("To approve: " .. again)
  end
  if options.confirm ~= tenants_word(file) then
    errors.input(("--confirm=%s, but the plan is for %s"):format(options.confirm, tenants_word(file)))
  end
  local approval = approvals.sign(path, file, key)
  local users = plan_file.makers(file)
  local names, others = approvals.of(path, file, found, users)
  check_counts(path, approval, found, others, users)
  if options.json then
    return out.json { file = approval, plan = file.hash, approved_by = json.array(names), others = json.array(others) }
  end
  out.data(("%s: the approval of %s; send it to %s@%s"):format(approval, path, file.header.user, file.header.host))
  out.say(("approved by %s"):format(#names > 0 and table.concat(names, ", ") or "nobody yet"))
end

return {
  least = 1,
  most = 1,
  needs = "a plan that o2x plan --out wrote",
  help = [[
Shows the plan. With --confirm=TENANT it is signed with your SSH key: the file
FILE.approval-XXXXXXXX goes back to who made the plan, and is put beside it.
Then o2x apply FILE does the plan.

approvals: RULES in o2x.yaml names a file such as

  signers: allowed_signers           # who may approve: NAME KEYTYPE KEY, a line
  rules:
    - tenants: environment=production  # as --tenants
      runbooks: [restore, onboard]     # all if absent
      except: [rollback, restart]      # for emergencies
      count: 2
  people:                            # users whose name is not that of a signer
    ann@example.com: [ann, aroot]

Who made the plan, and who applies it, cannot approve it: exit code 6, and there
is no signature. An approval counts as long as the plan, and only where the
rules and the signers are the same. A resume and an undo need none.]],
  options = {
    { "key", value = "FILE", help = "private key, or the public one of a key in ssh-agent; default: as ssh finds it" },
    { "confirm", value = "TENANT", help = "sign it: repeat its tenant, or its --tenants; without, only show it" },
    { "full", help = "show every line of every change" },
    { "json", help = "print JSON" },
  },
  run = perform,
}
