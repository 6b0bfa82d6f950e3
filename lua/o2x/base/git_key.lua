--- Is there a key for the commits that are to be signed? It is only looked for: a signature may ask for a passphrase
--- or a touch, and a plan asks for neither.

local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local user_folders = require "o2x.base.user_folders"

local M = {}

local function ssh(git)
  local key = git:value("user.signingkey", "path")
  if not key then
    return not git:value "gpg.ssh.defaultKeyCommand" and "gpg.format is ssh, and user.signingkey names no key" or nil
  end
  local is_text = key:find "^ssh%-" or key:find "^key::" or key:find "^ecdsa%-" or key:find "^sk%-"
  if not is_text and not fs.exists(key) then return "there is no key " .. key end
end

-- The public half is enough to know: without it, gpg does not find the other. It is asked for that one because this
-- needs no agent.
local function openpgp(git)
  local program = git:value "gpg.openpgp.program" or git:value "gpg.program" or "gpg"
  if not proc.exists(program) then return ("%s, which signs, is not on PATH"):format(program) end
  if not fs.name(program):find "^gpg2?$" then return nil end -- somebody's own program knows its own keys
  local own = os.getenv "GNUPGHOME"
  local folder = own ~= "" and own or fs.join(user_folders.home() or "/", ".gnupg")
  local key = git:value "user.signingkey" or git:ask({ "var", "GIT_COMMITTER_IDENT" }):match "^(.*>)"
  if fs.exists(folder) then
    local argv = { program, "--batch", "--no-auto-check-trustdb", "--list-keys", "--", (key:gsub("!$", "")) }
    if proc.run({ argv = argv, env = git:environment(), timeout = 30 }).code == 0 then return nil end
  end
  return "gpg has no key " .. key
end

local KINDS <const> = { ssh = ssh, openpgp = openpgp }

--- Why a commit cannot be signed although it is to be.
---@param git table
---@return string? reason nil: it can, as far as that is to be seen
function M.missing(git)
  if git:value("commit.gpgsign", "bool") ~= "true" then return nil end
  local look = KINDS[git:value "gpg.format" or "openpgp"]
  return look and look(git)
end

return M
