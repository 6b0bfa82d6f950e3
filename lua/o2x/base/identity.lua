--- Who it was: the user and the host of a run, as recorded in journals, locks, plans and maintenance notes.
---
--- The user is the one that the operating system knows, not $USER, which anybody sets. Whoever became that user by sudo
--- is known to the kernel since the login. What only a variable says (a CI job, sudo without a login) is a claim.

local core = require "o2x.core.fs"
local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"

local M = {}

local NOBODY <const> = "4294967295" -- the kernel's login uid where nobody logged in

-- What a CI system says of its job. The first variable tells that it is there.
local CI <const> = {
  { "GITLAB_CI", "GitLab", function(env) return env "CI_JOB_URL", env "GITLAB_USER_LOGIN" end },
  {
    "GITHUB_ACTIONS",
    "GitHub Actions",
    function(env)
      local server, repository, run = env "GITHUB_SERVER_URL", env "GITHUB_REPOSITORY", env "GITHUB_RUN_ID"
      return server and repository and run and ("%s/%s/actions/runs/%s"):format(server, repository, run),
        env "GITHUB_ACTOR"
    end,
  },
  { "JENKINS_URL", "Jenkins", function(env) return env "BUILD_URL", env "BUILD_USER_ID" end },
  { "BUILDKITE", "Buildkite", function(env) return env "BUILDKITE_BUILD_URL", env "BUILDKITE_BUILD_CREATOR" end },
  { "CI", "CI", function() end },
}

local function name_of(uid) return core.user_name(uid) or "uid-" .. math.tointeger(uid) end

--- The user's and the machine's names.
---@return string user
---@return string host
function M.here()
  local host = fs.read_if "/proc/sys/kernel/hostname" or "?"
  return core.user_name() or "uid-" .. core.user(), (host:gsub("%s+$", ""))
end

-- Who logged in, where that is somebody else.
local function logged_in(user)
  local uid = (fs.read_if "/proc/self/loginuid" or ""):match "^%d+"
  if not uid or uid == NOBODY then return nil end
  local name = name_of(math.tointeger(tonumber(uid)))
  return name ~= user and name or nil
end

local function terminal()
  for fd = 0, 2 do
    local path = core.readlink("/proc/self/fd/" .. fd)
    if path and path:find "^/dev/tty" or path and path:find "^/dev/pts/" then return path:sub(6) end
  end
end

-- The id in an OpenSSH certificate: it stands behind the key, whose parts depend on its kind.
local PARTS <const> = { ["ssh-ed25519"] = 1, ["ssh-rsa"] = 2, ["ecdsa-sha2-"] = 2, ["sk-ssh-ed"] = 2, ["sk-ecdsa"] = 3 }

local function certificate_id(blob)
  local kind, at = string.unpack(">s4", blob)
  if not kind:find "%-cert%-v01@" then return nil end
  for beginning, count in pairs(PARTS) do
    if kind:sub(1, #beginning) == beginning then
      for _ = 1, count + 1 do -- the nonce, too
        _, at = string.unpack(">s4", blob, at)
      end
      return (string.unpack(">s4", blob, at + 8 + 4)) -- behind serial number and type
    end
  end
end

-- What sshd wrote of the login (ExposeAuthInfo yes): "publickey ssh-ed25519 AAAA…", a line a method.
local function ssh_key(env)
  local text = env "SSH_USER_AUTH" and fs.read_if(env "SSH_USER_AUTH", 65536)
  local encoded = text and text:match "publickey %S+ ([%w+/=]+)"
  local ok, blob = pcall(crypto.unbase64, encoded or "")
  if not encoded or not ok or not blob then return nil end
  local good, id = pcall(certificate_id, blob)
  if good and id then return "certificate " .. id end
  return "SHA256:" .. crypto.base64(crypto.unhex(crypto.sha256(blob))):gsub("=+$", "")
end

local function ssh(env)
  local from = (env "SSH_CONNECTION" or ""):match "^%S+"
  return from and { from = from, key = ssh_key(env) } or nil
end

local function job(env)
  for _, system in ipairs(CI) do
    if env(system[1]) then
      local url, user = system[3](env)
      return { system = system[2], job = url or nil, user = user or nil }
    end
  end
end

---@class o2x.identity
---@field login string? who logged in, and then became another user
---@field sudo string? who became this user by sudo, as sudo says
---@field ssh { from: string, key: string? }? the address; the key's fingerprint, or its certificate's id
---@field terminal string? such as pts/3
---@field ci { system: string, job: string?, user: string? }? as the job's variables say

--- What else is known of who it was.
---@param env (fun(name: string): string?)? the environment if absent
---@return o2x.identity? nil if nothing is
function M.details(env)
  env = env or os.getenv
  local login = logged_in((M.here()))
  local found = {
    login = login,
    sudo = not login and env "SUDO_USER" or nil,
    ssh = ssh(env),
    terminal = terminal(),
    ci = job(env),
  }
  return next(found) and found or nil
end

--- The names of users that a person goes by: the one of the run, and the one who became that user.
---@param user string
---@param found o2x.identity?
---@return string[]
function M.users(user, found)
  local names = { user }
  names[#names + 1] = found and found.login
  names[#names + 1] = found and found.sudo
  return names
end

--- The same as a line: "logged in as ann; ssh from 10.0.0.5, SHA256:…; pts/3".
---@param found o2x.identity?
---@return string
function M.line(found)
  if not found then return "" end
  local parts = {}
  local function add(text, ...) parts[#parts + 1] = text:format(...) end
  if found.login then add("logged in as %s", found.login) end
  if found.sudo then add("sudo by %s", found.sudo) end
  if found.ssh then add("ssh from %s%s", found.ssh.from, found.ssh.key and ", " .. found.ssh.key or "") end
  if found.terminal then add("%s", found.terminal) end
  local ci = found.ci
  if ci then add("%s%s%s", ci.system, ci.job and " " .. ci.job or "", ci.user and " for " .. ci.user or "") end
  return table.concat(parts, "; ")
end

return M
