-- A lab of its own for a spec file, and the ordinary clients to look at it with.

local daemon = require "lab.daemon"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local prove_lab = require "o2x.prove.lab"

local Lab = {}
Lab.__index = Lab

local M = { O2X = require("tests.support.build").o2x }

-- Where the lab in a folder keeps the files of its real servers when it runs as root.
local function servers_folder(dir) return fs.folder(daemon.path({ dir = fs.realpath(dir) }, "postgres", "root")) end

local function copy(from, to)
  local result = proc.run { argv = { "cp", "-a", from .. "/.", to }, timeout = 300 }
  assert(result.code == 0, result.stderr)
end

-- Makes a folder the copy of a seeded lab that is down, if there is one: O2X_TEST_LAB, which tests/all makes. The copy
-- gets ports of its own. Seeding a lab takes several times as long.
local function copy_seeded(dir)
  local seeded = os.getenv "O2X_TEST_LAB"
  if not seeded or not fs.exists(fs.join(seeded, "done")) then return end
  copy(seeded, dir)
  for _, name in ipairs { "done", "ports.json", "lab.log" } do
    fs.remove(fs.join(dir, name))
  end
  if not daemon.is_root() then return end
  fs.mkdir(servers_folder(dir), 0x1c9) -- 0711
  copy(servers_folder(seeded), servers_folder(dir))
end

--- Starts a lab in a new folder.
---@param options { tenants: string?, real: string? }? tenants: those to seed whole, as `o2x lab up --tenants=` takes
---  them; real: the systems that are not simulated, as `--real=` takes them, or else O2X_LAB_REAL
function M.start(options)
  local tenants = options and options.tenants
  local real = options and options.real or os.getenv "O2X_LAB_REAL"
  local lab = setmetatable({ dir = fs.temp_folder(fs.join(os.getenv "TMPDIR" or "/tmp", "o2x-test-lab-")) }, Lab)
  lab.env = { O2X_LAB_DIR = lab.dir, O2X_LAB_REAL = real }
  if real then lab.env.XDG_CACHE_HOME = os.getenv "XDG_CACHE_HOME" end
  if not tenants and not real then copy_seeded(lab.dir) end
  local up = lab:o2x { "lab", "up", tenants and "--tenants=" .. tenants }
  assert(up.code == 0, "o2x lab up: " .. up.stderr)
  for name, value in pairs(json.decode(lab:o2x({ "lab", "env", "--json" }).stdout)) do
    lab.env[name] = value
  end
  lab.env.CURL_CA_BUNDLE = lab.env.VAULT_CACERT
  lab.platform, lab.store = lab.env.O2X_PLATFORM, lab.env.O2X_STATE
  return lab
end

--- Starts a lab in memory: `memory` is what can keep it and put it back (lua/o2x/prove/lab.lua).
function M.in_memory()
  local memory = prove_lab.start()
  local lab = setmetatable({ dir = memory.dir, memory = memory, env = memory.env }, Lab)
  lab.env.O2X_LAB_DIR = lab.dir
  lab.platform, lab.store = lab.env.O2X_PLATFORM, lab.env.O2X_STATE
  return lab
end

--- Stops it and takes its folder away. The sanitizers write what they find at its end into its log.
function Lab:stop()
  if self.memory then return self.memory:stop() end
  local down = self:o2x { "lab", "down" }
  local found = (fs.read_if(fs.join(self.dir, "lab.log")) or ""):match "[^\n]*Sanitizer.*"
  local removed = self:o2x { "lab", "remove" }
  assert(down.code == 0, "o2x lab down: " .. down.stderr)
  assert(removed.code == 0, "o2x lab remove: " .. removed.stderr)
  assert(not found, found)
end

function Lab:environment(more)
  local env = {}
  for name, value in pairs(self.env) do
    env[name] = value
  end
  for name, value in pairs(more or {}) do
    env[name] = value
  end
  return env
end

--- Runs a program with the lab's environment. -> { code, signal, stdout, stderr }
function Lab:run(argv, options)
  options = options or {}
  local env = self:environment(options.env)
  return proc.run { argv = argv, env = env, timeout = options.timeout or 300, stdin = options.stdin, cwd = options.cwd }
end

--- Runs o2x.
function Lab:o2x(words, options) return self:run({ M.O2X, table.unpack(words) }, options) end

--- Starts o2x and goes on. -> child
function Lab:start(words, env)
  return proc.start { argv = { M.O2X, table.unpack(words) }, env = self:environment(env), timeout = 300 }
end

--- Runs a client and gives what it prints, without the last newline; fails if it does.
function Lab:out(...)
  local result = self:run { ... }
  if result.code ~= 0 then
    error(("%s: exit %s: %s"):format(table.concat({ ... }, " "), result.code, result.stderr), 2)
  end
  return (result.stdout:gsub("\n$", ""))
end

--- One SQL query by psql: rows as lines, columns separated by |.
function Lab:sql(database, query) return self:out("psql", "-X", "-At", "-d", database, "-c", query) end

--- kubectl ... -o json, decoded.
function Lab:kubectl(...) return json.decode(self:out("kubectl", ...)) end

--- The names under which an object of a kind is there, sorted, one a line.
function Lab:names(kind, ...) return self:out("kubectl", "get", kind, "-o", "name", ...) end

--- A secret by Vault's own interface: data and metadata, or nil.
function Lab:vault(path)
  local result = self:run {
    "curl",
    "-sS",
    "-H",
    "X-Vault-Token: " .. self.env.VAULT_TOKEN,
    self.env.VAULT_ADDR .. "/v1/secret/data/" .. path,
  }
  local answer = json.decode(result.stdout)
  return answer.data and answer.data.data, answer.data and answer.data.metadata
end

--- What the lab's name server answers.
function Lab:dig(name, kind)
  local host, port = self.env.O2X_LAB_DNS:match "^(.*):(%d+)$"
  return self:out("dig", "+short", "@" .. host, "-p", port, name, kind)
end

--- Everything that a write would change, as one text: databases, objects with their versions, the versions of secrets,
--- records, files.
function Lab:snapshot(database)
  local parts = {}
  for _, name in ipairs { "enginedevdb", database } do
    -- The engine's own tables come with its first run; of what is in them, only the markers are changes.
    local dump = self:run { "pg_dump", "-d", name, "--no-owner", "--exclude-schema=o2x" }
    local markers = self:run { "psql", "-AtqX", "-d", name, "-c", "select * from o2x.effect order by key" }
    -- A dump of a newer minor version begins with a random token.
    parts[#parts + 1] = dump.code == 0 and dump.stdout:gsub("\\u?n?restrict [^\n]*", "") or "no database " .. name
    parts[#parts + 1] = markers.stdout
  end
  for _, item in
    ipairs(
      self:kubectl(
        "get",
        "deployments,services,secrets,configmaps,persistentvolumeclaims,ingresses",
        "-A",
        "-o",
        "json"
      ).items
    )
  do
    local meta = item.metadata
    parts[#parts + 1] = table.concat({
      item.kind,
      meta.namespace or "",
      meta.name,
      tostring(meta.generation),
      item.data and json.encode(item.data) or "",
    }, " ")
  end
  parts[#parts + 1] = self:records()
  parts[#parts + 1] =
    self:out("sh", "-c", 'cd "$1" && find . -type f -exec sha256sum {} + | LC_ALL=C sort', "sh", self.platform)
  return table.concat(parts, "\n")
end

--- The AWS command line; before its version 2.13 it does not know AWS_ENDPOINT_URL.
function Lab:aws(...) return self:out("aws", "--endpoint-url", self.env.AWS_ENDPOINT_URL, ...) end

--- What AWS answers to a GET, as it is, by curl: its start costs a hundredth of that of the AWS command line.
---@param service string as signatures name it: "route53"
---@param target string path and query, its parameters sorted
---@return string xml
function Lab:ask_aws(service, target)
  local env = self.env
  local xml = self:out(
    "curl",
    "-sSf",
    "--aws-sigv4",
    ("aws:amz:%s:%s"):format(env.AWS_DEFAULT_REGION, service),
    "--user",
    env.AWS_ACCESS_KEY_ID .. ":" .. env.AWS_SECRET_ACCESS_KEY,
    env.AWS_ENDPOINT_URL .. target
  )
  assert(not xml:find("<IsTruncated>true", 1, true), "the answer is only the first page")
  return xml
end

--- All record sets of the zone, as one text.
function Lab:records()
  return self:ask_aws("route53", ("/2013-04-01/hostedzone/%s/rrset?maxitems=300"):format(self:zone()))
end

--- The id of the hosted zone; a lab keeps it.
function Lab:zone()
  self.zone_id = self.zone_id or self:ask_aws("route53", "/2013-04-01/hostedzone"):match "<Id>/hostedzone/(%w+)</Id>"
  return self.zone_id
end

return M
