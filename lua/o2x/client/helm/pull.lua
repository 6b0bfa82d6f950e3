--- Charts of registries (oci://…) and repositories (https://…). A chart is pinned by the SHA-256 of its archive (for a
--- registry: the digest of its layer), so that what is installed is what somebody has looked at, whoever owns the
--- registry today. helm pulls it; the archive is kept in the user's cache under its digest, and compared with it at
--- each use.

local chart = require "o2x.client.helm.chart"
local cleartext = require "o2x.client.cleartext"
local crypto = require "o2x.base.crypto"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local failure = require "o2x.client.helm.failure"
local fs = require "o2x.base.fs"
local secret = require "o2x.base.secret"
local unpack_chart = require("o2x.client.helm.unpack").unpack
local yaml = require "o2x.base.yaml"

local M = {}

local SECONDS <const> = 120
local MOST_BYTES <const> = 16 << 20 -- of an archive
local PRIVATE_FOLDER <const> = tonumber("700", 8)
local PROXY <const> = { "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy" }

local function bad(kind, message, more)
  local e = more or {}
  e.kind, e.module, e.op, e.message = kind, "helm", "pull", message
  errors.raise(e)
end

-- ---- what is asked for ----

---@class o2x.helm.source
---@field chart string oci://HOST/PATH, or the name of a chart of `repo`
---@field repo string? URL of a repository
---@field version string exactly this one
---@field digest string "sha256:…" of the archive

--- Does this name a chart of a registry or a repository, rather than a folder?
---@param o table
---@return boolean
function M.is_remote(o)
  return o.repo ~= nil or o.version ~= nil or o.digest ~= nil or tostring(o.chart):match "^%w+://" ~= nil
end

-- A password in an address must not get into messages.
local function without_login(address) return (tostring(address):gsub("^(%w+://)[^/]*@", "%1…@")) end

--- How people and grants name a source: "oci://host/app", or "https://host/charts app".
---@param o o2x.helm.source
---@return string
function M.name(o) return o.repo and ("%s %s"):format(o.repo, o.chart) or o.chart end

local function refuse_login(o)
  local address = tostring(o.repo or o.chart)
  if not address:find "^%w+://[^/]*@" then return end
  local host = address:match "^%w+://[^/]*@([^/]*)"
  bad("input", ("%s: an address of charts must not have a user or a password"):format(without_login(address)), {
    hint = o.repo and "helm repo add NAME URL --username USER" or "helm registry login " .. host,
  })
end

local function check(o)
  local name = M.name { chart = without_login(o.chart), repo = o.repo and without_login(o.repo) }
  refuse_login(o)
  if o.repo then
    local ok = type(o.repo) == "string" and o.repo:match "^https?://[%w.:%[%]-]+[%w%%._~/-]*$"
    if not ok then
      bad("input", ("%s is not the URL of a repository: https://HOST/PATH"):format(tostring(o.repo)), {
        hint = tostring(o.repo):find "^[Oo][Cc][Ii]://"
            and "a chart of a registry has no repo: chart: oci://HOST/PATH/NAME"
          or nil,
      })
    end
    if not tostring(o.chart):match "^%w[%w._-]*$" then bad("input", ("%s: invalid name of a chart"):format(name)) end
  elseif not tostring(o.chart):match "^oci://[%w.:%[%]-]+/%w[%w._/-]*$" then
    bad("input", ("%s is neither oci://HOST/PATH nor a folder"):format(name), {
      hint = "oci:// in small letters; version and digest are fields of their own; a repository is named by repo",
    })
  end
  if not tostring(o.version):match "^v?%d+%.%d+%.%d+[%w.+-]*$" then
    bad("input", ("%s: version must be exactly one, such as 1.2.3"):format(name))
  end
  if o.digest and not tostring(o.digest):match "^sha256:[0-9a-f]+$" or o.digest and #o.digest ~= #"sha256:" + 64 then
    bad("input", ("%s: digest must be sha256: and 64 digits of 0 to 9 and a to f"):format(name))
  end
  return name
end

local function check_granted(helm, name)
  if not helm.charts then return end
  for _, one in ipairs(helm.charts) do
    if one == name then return end
  end
  bad("refused", ("the chart %s is not among those of the platform"):format(name), {
    hint = "platform.yaml lists them under charts, with version and digest",
  })
end

-- ---- helm's own files ----

local function home(variable, below)
  local base = os.getenv "HOME"
  return os.getenv(variable) or base and fs.join(base, below)
end

-- Where `helm registry login` and `helm repo add` keep what they are told.
local function helm_file(configured, name)
  if configured then return configured end
  local folder = home("XDG_CONFIG_HOME", ".config")
  local path = folder and fs.join(folder, "helm", name)
  return path and fs.exists(path) and path or nil
end

local function environment(helm, config)
  local env, own = helm:offline(), config.helm or {}
  for _, name in ipairs(PROXY) do
    env[name] = os.getenv(name)
  end
  env.HELM_REGISTRY_CONFIG = helm_file(own.registry_config, "registry/config.json")
  env.HELM_REPOSITORY_CONFIG = helm_file(own.repository_config, "repositories.yaml")
  return env
end

-- The operator's own name for a repository; its credentials are in the same entry.
local function entry_of(path, url)
  local list = path and yaml.read(fs.read(path), path) or {}
  for _, one in ipairs(type(list.repositories) == "table" and list.repositories or {}) do
    if type(one.password) == "string" and one.password ~= "" then secret.new(one.password, "helm repository") end
    local same = type(one.url) == "string" and one.url:gsub("/+$", "") == url:gsub("/+$", "")
    if same and type(one.name) == "string" and one.name:match "^%w[%w._-]*$" then return one.name end
  end
end

-- ---- pulling ----

local function login(o)
  if not o.repo then return "helm registry login " .. o.chart:match "^oci://([^/]+)" end
  return ("helm repo add NAME %s --username USER"):format(o.repo)
end

local function look(o)
  local where = o.repo and " --repo " .. o.repo or ""
  return ("helm show chart %s%s --version %s shows whether it is there"):format(o.chart, where, o.version)
end

local function trust() return "SSL_CERT_FILE names the certificate authorities to trust" end

local function cleartext_hosts() return "the server must speak TLS, or be named: O2X_CLEARTEXT_HOSTS=HOST" end

-- What helm says → kind of error, hint, worth another try; the first match counts.
local FAILURES <const> = {
  { "credential not found", "unauthorised", login },
  { "[Uu]nauthorized", "unauthorised", login },
  { "%s40[13]%f[%D]", "unauthorised", login },
  { "not found", "input", look },
  { "%s404%f[%D]", "input", look },
  { "HTTP response to HTTPS client", "refused", cleartext_hosts },
  { "x509", "unreachable", trust },
  { "connection re[sf]", "unreachable", nil, true },
  { "no such host", "unreachable", nil, true },
  { "no route to host", "unreachable", nil, true },
  { "network is unreachable", "unreachable", nil, true },
  { "timeout", "unreachable", nil, true },
  { "deadline exceeded", "unreachable", nil, true },
  { "EOF", "unreachable", nil, true },
  { "%s50%d%f[%D]", "unreachable", nil, true },
  { "%s429%f[%D]", "unreachable", nil, true },
}

-- helm's words without the names and addresses of its servers, which may look like anything.
local function words_of(text) return (text:gsub('"[^"]*"', '""'):gsub("%w+://%S+", "")) end

local function run(helm, o, words, env)
  local r = helm:run(words, SECONDS, env)
  if r.code == 0 then return r.stdout .. r.stderr end
  local name, text = M.name(o), failure.text(r)
  local said = words_of(text)
  for _, f in ipairs(FAILURES) do
    if said:find(f[1]) then
      bad(f[2], ("%s cannot be pulled: %s"):format(name, text), { hint = f[3] and f[3](o), retryable = f[4] })
    end
  end
  bad("failed", ("%s cannot be pulled: %s"):format(name, text))
end

-- Registries speak TLS, but for this machine and the hosts that the configuration allows.
local function oci_words(o, config)
  local host = o.chart:match "^oci://([^/]+)":gsub(":%d+$", "")
  return { "pull", o.chart, cleartext.allows(config, host) and "--plain-http" or nil }
end

local function repository_words(helm, o, env, config)
  cleartext.check_url(config, o.repo, "the chart repository")
  local entry = entry_of(env.HELM_REPOSITORY_CONFIG, o.repo)
  if not entry then return { "pull", o.chart, "--repo", o.repo } end
  run(helm, o, { "repo", "update", entry }, env)
  return { "pull", entry .. "/" .. o.chart }
end

-- The bytes of the archive as the server has it today, and what helm said.
local function pull(helm, o, name, config)
  local env = environment(helm, config)
  helm.files = helm.files + 1
  local folder = fs.join(helm.folder, ("pull-%d"):format(helm.files))
  fs.mkdir(folder, PRIVATE_FOLDER)
  local _remove <close> = defer(function() fs.remove_tree(folder) end)
  local words = o.repo and repository_words(helm, o, env, config) or oci_words(o, config)
  for _, word in ipairs { "--version", o.version, "--destination", folder } do
    words[#words + 1] = word
  end
  local said = run(helm, o, words, env)
  local files = fs.list(folder)
  if #files ~= 1 then bad("failed", ("helm pulled %d files for %s"):format(#files, name)) end
  return fs.read(fs.join(folder, files[1]), MOST_BYTES), said
end

-- ---- the cache ----

local function digest_of(bytes) return "sha256:" .. crypto.sha256(bytes) end

local function cache_path(helm, digest)
  local cache = helm.cache or home("XDG_CACHE_HOME", ".cache")
  return cache and fs.join(cache, "o2x/charts", digest:match ":(.*)$" .. ".tgz")
end

-- The archive from the cache; one that is damaged is as good as none.
local function cached(helm, digest)
  local path = cache_path(helm, digest)
  local ok, bytes = pcall(fs.read_if, path or "", MOST_BYTES)
  return ok and bytes and digest_of(bytes) == digest and bytes or nil
end

-- A cache that cannot be written to is no reason to stop.
local function keep(helm, digest, bytes)
  local path = cache_path(helm, digest)
  if not path then return end
  pcall(function()
    fs.mkdir(fs.folder(path), PRIVATE_FOLDER)
    fs.write_scratch(path, bytes)
  end)
end

local function fetched(helm, o, name, config)
  local bytes, said = pull(helm, o, name, config)
  local found = digest_of(bytes)
  if not o.digest then
    bad("input", ("%s %s has no digest; the server gives %s today"):format(name, o.version, found), {
      hint = ("look at the chart, then pin it: digest: %s"):format(found),
    })
  elseif said:find(o.digest, 1, true) then
    bad(
      "input",
      ("%s %s is pinned by the digest of the registry's manifest, which helm shows"):format(name, o.version),
      {
        hint = ("look at the chart, then pin its archive: digest: %s"):format(found),
      }
    )
  elseif found ~= o.digest then
    bad("refused", ("%s %s is not the chart that was pinned: the server gives %s"):format(name, o.version, found), {
      hint = "ask its makers why a version has changed; if the new one is right, pin its digest",
    })
  end
  keep(helm, found, bytes)
  return bytes
end

local function check_version(folder, o, name)
  local path = fs.join(folder, "Chart.yaml")
  if not fs.exists(path) then bad("input", ("%s %s is not a chart: it has no Chart.yaml"):format(name, o.version)) end
  local version = chart.about(folder).version
  if version:gsub("^v", "") ~= o.version:gsub("^v", "") then
    bad("input", ("%s: the digest is that of version %s, not of %s"):format(name, version, o.version))
  end
end

--- The folder with a chart of a registry or a repository, unpacked for this client.
---@param helm table client (o2x.client.helm)
---@param o o2x.helm.source
---@param config table cleartext.hosts, helm.registry_config, helm.repository_config
---@return string folder goes when the client is closed
function M.folder(helm, o, config)
  local name = check(o)
  check_granted(helm, name)
  helm.pulled = helm.pulled or {}
  if o.digest and helm.pulled[o.digest] then return helm.pulled[o.digest] end
  local bytes = o.digest and cached(helm, o.digest) or fetched(helm, o, name, config)
  helm:offline() -- makes the client's folder
  local hex = o.digest:match ":(.*)$"
  local archive, folder = fs.join(helm.folder, hex .. ".tgz"), fs.join(helm.folder, "chart-" .. hex)
  fs.write_scratch(archive, bytes)
  unpack_chart(archive, folder)
  check_version(folder, o, name)
  helm.pulled[o.digest] = folder
  return folder
end

return M
