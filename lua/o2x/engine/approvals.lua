--- Approvals of a plan: signatures of its hash by SSH keys, in files beside it, so that they can be sent by mail. A
--- plan that was changed has another hash; what has moved since it was made is found when it is applied; an approval
--- counts no longer than its plan.
---
--- Who may approve is in the project, and its hash is in the plan: whoever approves compares it with the list of their
--- own checkout.

local crypto = require "o2x.base.crypto"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local approval_rules = require "o2x.project.approval_rules"
local runbook_files = require "o2x.project.runbook_files"
local shell = require "o2x.base.shell"
local tenant_files = require "o2x.project.tenant_files"

local M = {}

local NAMESPACE <const> = "o2x-plan"
local SUFFIX <const> = ".approval-"
local LONGEST <const> = 30 -- seconds: a key may want a touch or a passphrase
local LARGEST <const> = 64 * 1024 -- bytes of a signature

-- What is signed. The namespace keeps a signature of something else from counting.
local function payload(file) return "o2x plan " .. file.hash .. "\n" end

-- ssh-agent has keys that are in no file; a passphrase may be asked for by a program of the desktop.
local function surroundings()
  local env = {}
  for _, name in ipairs { "SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY", "WAYLAND_DISPLAY" } do
    env[name] = os.getenv(name)
  end
  return env
end

local function keygen(argv, input)
  local words = { "ssh-keygen", table.unpack(argv) }
  return proc.run { argv = words, stdin = input, timeout = LONGEST, env = surroundings() }
end

--- The rules of a project; nil if it has none.
---@param project table
---@param config table
---@return table? rules
function M.rules(project, config)
  if not config.approvals then return nil end
  return approval_rules.read(config.approvals, tenant_files.names(config), runbook_files.all(project))
end

--- What a plan keeps of the rules that it was made under.
---@param found table? the rules
---@return { rules: string, signers: string }? hashes
function M.hashes(found)
  if not found then return nil end
  return { rules = crypto.sha256(fs.read(found.path)), signers = crypto.sha256(fs.read(found.signers)) }
end

--- Refuses a plan that was made under other rules than these.
---@param path string of the plan
---@param file table of plan_file.read
---@param found table? the rules
function M.check_rules(path, file, found)
  local planned, now = file.header.plan.approvals or {}, M.hashes(found) or {}
  for name, where in pairs { rules = found and found.path or "approvals:", signers = found and found.signers or "" } do
    if planned[name] ~= now[name] then
      errors.raise {
        kind = "refused",
        where = path,
        message = ("the plan was made under other rules of approval: %s is not the same"):format(where),
        hint = "see what was changed there, and by whom; then plan again",
      }
    end
  end
end

--- Signs a plan.
---@param path string of the plan
---@param file table of plan_file.read
---@param key string? the file of a private key, or of a public one whose private key an agent has
---@return string approval path of the signature
function M.sign(path, file, key)
  local folder = fs.temp_folder(fs.join(os.getenv "TMPDIR" or "/tmp", "o2x-approve-"))
  local _remove <close> = defer(function() fs.remove_tree(folder) end)
  local signed = fs.join(folder, "plan")
  fs.write(signed, payload(file))
  local result = keygen({ "-q", "-Y", "sign", "-f", key, "-n", NAMESPACE, signed }, "")
  local signature = fs.read_if(signed .. ".sig", LARGEST)
  if result.code ~= 0 or not signature then
    errors.raise {
      kind = "failed",
      where = key,
      message = "ssh-keygen does not sign: " .. (result.stderr:match "[^\r\n]+" or "it says nothing"),
      hint = "--key names the private key, or the public one of a key in ssh-agent: ssh-add -L lists those",
    }
  end
  local approval = path .. SUFFIX .. crypto.sha256(signature):sub(1, 8)
  fs.write(approval, signature)
  return approval
end

-- Who signed a plan by a signature; nil and why it does not count.
local function signer_of(found, file, signature)
  local listed = keygen({ "-Y", "find-principals", "-s", signature, "-f", found.signers }, "")
  local name = listed.code == 0 and listed.stdout:match "[^\r\n]+"
  if not name then return nil, "its key is not in " .. found.signers end
  name = name:match "^[^,]+"
  local checked =
    keygen({ "-Y", "verify", "-f", found.signers, "-I", name, "-n", NAMESPACE, "-s", signature }, payload(file))
  if checked.code ~= 0 then return nil, ("it is no signature of this plan that counts today (%s)"):format(name) end
  return name
end

-- Is a signer one of those who made the plan or apply it?
local function is_own(found, name, users)
  for _, user in ipairs(users) do
    if found.people[user] == name or name:match "^[^@]*" == user or name == user then return true end
  end
  return false
end

local function files_of(path)
  local list, beginning = {}, fs.name(path) .. SUFFIX
  for _, name in ipairs(fs.list(fs.folder(path))) do
    if name:sub(1, #beginning) == beginning then list[#list + 1] = path .. name:sub(#fs.name(path) + 1) end
  end
  return list
end

--- Who approved a plan, each person once.
---@param path string of the plan
---@param file table of plan_file.read
---@param found table the rules
---@param users string[] of the operating system, who made the plan and who apply it: their own approval does not count
---@return string[] names
---@return { path: string, why: string }[] others signatures that do not count
function M.of(path, file, found, users)
  local names, seen, others = {}, {}, {}
  for _, signature in ipairs(files_of(path)) do
    local name, why = signer_of(found, file, signature)
    if name and is_own(found, name, users) then
      name, why = nil, ("%s made the plan or applies it, and cannot approve it"):format(name)
    end
    if not name then
      others[#others + 1] = { path = signature, why = why }
    elseif not seen[name] then
      seen[name], names[#names + 1] = true, name
    end
  end
  table.sort(names)
  return names, others
end

--- Those who may approve, for people.
---@param found table the rules
---@param users string[] of the operating system, who made the plan
---@return string
function M.may_approve(found, users)
  local list = {}
  for line in fs.read(found.signers):gmatch "[^\r\n]+" do
    local names = line:match "^%s*([^%s#]+)"
    for name in (names or ""):gmatch "[^,]+" do
      if not is_own(found, name, users) then list[#list + 1] = name end
    end
  end
  return table.concat(list, ", ")
end

--- Refuses a plan that has not enough approvals.
---@param path string
---@param file table
---@param found table the rules
---@param needed integer
---@param users string[]
---@return string[] names of those who approved
function M.check(path, file, found, needed, users)
  local names, others = M.of(path, file, found, users)
  if #names >= needed then return names end
  local details = {}
  for i, one in ipairs(others) do
    details[i] = ("%s does not count: %s"):format(one.path, one.why)
  end
  errors.raise {
    kind = "unapproved",
    where = path,
    message = ("%d of %d approvals%s; may approve: %s"):format(
      #names,
      needed,
      #names > 0 and " (" .. table.concat(names, ", ") .. ")" or "",
      M.may_approve(found, users)
    ),
    details = details,
    hint = "send the file to them; they type: o2x approve " .. shell.command { path },
  }
end

return M
