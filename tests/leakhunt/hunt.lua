-- The hunt for leaks (make leakhunt): every shipped runbook in a lab, with secrets of awkward shapes: as it is, failing
-- at one request after another, and killed at one kill point after another. Then every secret is looked for in what the
-- runs printed and kept, in the platform tree, in temporary files, in what /proc showed of the children, and in the
-- servers' logs. Prints what it looked at, and where it found something; the exit code is 1 then.
--
-- build/o2x-dev tests/leakhunt/hunt.lua [RUNBOOK ...]

local faults = require "tests.support.faults"
local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"
local leaks = require "tests.support.leaks"
local yaml = require "o2x.base.yaml"

local TENANT <const> = "newclient"

-- Six characters; quotes and a backslash; two lines; UTF-8; a common word; one that is a part of another.
local SECRETS <const> = {
  license = { license_key = "Zq7$w2" },
  quickbooks = {
    client_id = "client-id-with-'single' and \"double\" quotes\\",
    client_secret = "first line\nsecond line",
    access_token = "gehéim-пароль-秘密",
    refresh_token = "elephants",
    token_expiry = "2027-02-11T10:00:00Z",
  },
  stripe = {
    api_key = "sk_live_abc123",
    publishable_key = "pk_sk_live_abc123_more",
    webhook_secret = "<whsec>&=?/+ %41",
  },
  avalara = { account_id = "2000123456", license_key = "aaaaaaaaaaaa" },
}
local PUBLIC <const> = { ["secrets file/quickbooks/token_expiry"] = true } -- a date, which is shown

-- What is run, in this order. {archive} is a file of the hunt.
local RUNS <const> = {
  { "onboard" },
  { "smoke" },
  { "diagnose" },
  { "deploy", "image=v2.5.1" },
  { "rollback" },
  { "scale", "service=service-billing", "replicas=3" },
  { "maintenance", "mode=on" },
  { "maintenance", "mode=off" },
  { "cache-clear" },
  { "vacuum" },
  { "backup", "to={archive}" },
  { "restore", "archive={archive}" },
}

local PASSWORDS <const> =
  { "PGPASSWORD", "VAULT_TOKEN", "AWS_SECRET_ACCESS_KEY", "REDISCLI_AUTH", "O2X_BROKER_PASSWORD" }

local FAILING <const> = { 1, 3, 8, 20, 50 } -- the first request that fails, with all later ones
local KILLED <const> = { 1, 2, 3, 6, 11, 22, 47 } -- kill points

local places, seen, runs = {}, {}, 0

local function keep(what, result)
  runs = runs + 1
  places[("%d %s"):format(runs, what)] = result.stdout .. result.stderr
  return result
end

local function words_of(lab, run, command, option)
  local words = { command, ("runbooks/%s.lua"):format(run[1]), TENANT }
  for i = 2, #run do
    words[#words + 1] = (run[i]:gsub("{archive}", lab.dir .. "/newclient.dump"))
  end
  words[#words + 1] = "--secrets=" .. lab.secrets_file
  if command == "run" then words[#words + 1] = "--confirm=" .. TENANT end
  words[#words + 1] = option
  return words
end

-- The same run again and again until it has ended well; a run that cannot (nothing to roll back) is left alone.
local function hunt(lab, run)
  local what = table.concat(run, " ")
  local function o2x(words, env)
    local all = env or {}
    all.TMPDIR = lab.temporary
    return leaks.watched(seen, function() return lab:o2x(words, { env = all }) end)
  end
  keep("plan --full " .. what, o2x(words_of(lab, run, "plan", "--full")))
  for _, n in ipairs(FAILING) do
    local env, struck = faults.env("send", n, "ECONNRESET", true)
    env.O2X_RETRY_SECONDS = "0"
    keep(("%s, without a network from request %d"):format(what, n), o2x(words_of(lab, run, "run"), env))
    struck()
  end
  for _, at in ipairs(KILLED) do
    keep(("%s, killed at %d"):format(what, at), o2x(words_of(lab, run, "run"), { O2X_KILL_AT = tostring(at) }))
  end
  keep("resume", o2x { "resume", "--secrets=" .. lab.secrets_file })
  local last = keep(what, o2x(words_of(lab, run, "run", "--verbose")))
  for _, words in ipairs { { "show", "--full" }, { "show", "--json" }, { "runs", "--json" } } do
    keep(table.concat(words, " "), o2x(words))
  end
  local why = last.code ~= 0 and last.stderr:match "o2x: ([^\n]*)" or ""
  io.stdout:write(("%-50s exit %s  %s\n"):format(what, last.code, why))
end

-- ---- where to look ----

local function look_at_files(lab)
  local count, open = 0, {}
  local function see(path, text, stat)
    count = count + 1
    places[path] = text
    if path:sub(1, #lab.temporary) == lab.temporary and stat.mode & 63 ~= 0 then open[#open + 1] = path end
  end
  leaks.files_below(lab.store, see)
  leaks.files_below(lab.temporary, see)
  leaks.files_below(lab.platform, function(path, text, stat)
    if not path:find("/lab/", 1, true) then see(path, text, stat) end
  end)
  for _, name in ipairs(fs.list(lab.dir)) do
    if name:find "%.log$" then see(lab.dir .. "/" .. name, fs.read(lab.dir .. "/" .. name), { mode = 0 }) end
  end
  return count, open
end

local function live_secrets(lab)
  local secrets = {}
  leaks.add_texts(secrets, SECRETS, "secrets file")
  for _, name in ipairs(PASSWORDS) do
    leaks.add_texts(secrets, lab.env[name], name)
  end
  for text, name in pairs(secrets) do
    if PUBLIC[name] then secrets[text] = nil end
  end
  leaks.add_texts(secrets, lab:vault("tenant/" .. TENANT .. "/admin"), "the administrator's password")
  for text in pairs(secrets) do
    if text:find "@" then secrets[text] = nil end -- the administrator's address is in the tenant file
  end
  return secrets
end

io.stdout:setvbuf "line"
local lab = labs.start()
lab.temporary = fs.temp_folder "/tmp/o2x-leakhunt-"
lab.secrets_file = lab.dir .. "/awkward.yaml"
fs.write(lab.secrets_file, yaml.encode(SECRETS))
fs.chmod(lab.secrets_file, tonumber("600", 8))

local wanted = {}
for i = 2, #arg do
  wanted[arg[i]] = true
end
for _, run in ipairs(RUNS) do
  if #arg < 2 or wanted[run[1]] then hunt(lab, run) end
end

local files, open = look_at_files(lab)
local shown = 0
for text, what in pairs(seen) do
  shown = shown + 1
  places[("%s %d of a process"):format(what, shown)] = text
end
local secrets = live_secrets(lab)
local found = leaks.found(places, leaks.forms_of(secrets))
local count = 0
for _ in pairs(secrets) do
  count = count + 1
end
lab:stop()
fs.remove_tree(lab.temporary)
faults.forget()
for _, line in ipairs(found) do
  io.stdout:write("FOUND  ", line, "\n")
end
for _, path in ipairs(open) do
  io.stdout:write("OPEN   others may read ", path, "\n")
end
io.stdout:write(
  ("%d secrets, %d runs, %d files, %d views of processes: %d found\n"):format(count, runs, files, shown, #found + #open)
)
return #found + #open > 0 and 1 or 0
