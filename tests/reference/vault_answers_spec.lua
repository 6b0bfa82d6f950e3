-- The lab's simulator of Vault answers as Vault itself: the same commands and requests to both, their answers compared.
-- What differs on purpose is in docs/conformance.md, and here in DIFFERENT.

local cases = require "tests.reference.cases.vault"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local reference = require "tests.support.reference"

local VAULT <const> = reference.find("vault", "bin/vault")

-- Values that differ from server to server and from time to time: what is compared is that they are there.
local VOLATILE <const> = {
  { "%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x", "UUID" },
  { "%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[%.%d]*Z", "TIME" },
  { "%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d[%.%d]* %+0000 UTC", "TIME" },
  { "hv[sb]%.[%w_-]+", "TOKEN" },
  { "o2x%-lab%-%x+", "TOKEN" },
  -- The clients of the real server do not have its first token.
  { "token%-o2x%-lab", "root" },
  { "auth/token/create%-orphan", "auth/token/root" },
  { "([%w]+)_%x%x%x%x%x%x%x%x", "%1_ACCESSOR" },
  { "%f[%w]%w%w%w%w%w%w%w%w%w%w%w%w%w%w%w%w%w%w%w%w%w%w%w%w%f[%W]", "ACCESSOR" },
  { "https?://127%.0%.0%.1:%d+", "ADDRESS" },
  { "vault%-cluster%-%x+", "CLUSTER" },
  { "creation_time +%d+", "creation_time TIME" },
  { "Install Time[^\n]*", "Install Time TIME" },
  { "Encryption Count +%d+", "Encryption Count NUMBER" },
}

local COUNTED <const> = { creation_time = true, server_time_utc = true, request_id = true, ttl = true }

local function plain(value, name)
  if COUNTED[name] and type(value) == "number" then return "NUMBER" end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, item in pairs(value) do
    copy[key] = plain(item, key)
  end
  return json.is_array(value) and json.array(copy) or copy
end

local function normal(text)
  local ok, decoded = pcall(json.decode, text)
  if ok and type(decoded) == "table" then text = json.pretty(plain(decoded)) end
  for _, each in ipairs(VOLATILE) do
    text = text:gsub(each[1], each[2])
  end
  -- Columns are as wide as their widest value.
  return (text:gsub("[ \t]+", " "):gsub("%-%-%-+", "---"):gsub("=%=%=+", "==="):gsub(" +\n", "\n"))
end

describe("Vault's answers", function()
  if not VAULT then return pending "Vault is not there: run vendor/reference vault (some minutes)" end

  local real, simulated
  setup(function()
    real, simulated = labs.start { real = "vault" }, labs.start()
  end)
  teardown(function()
    real:stop()
    simulated:stop()
  end)

  local function command(lab, words)
    local result = lab:run { VAULT, table.unpack(words, 2) }
    return ("exit %d\n%s%s"):format(result.code, normal(result.stdout), normal(result.stderr))
  end

  local function request(lab, case)
    local argv = { "curl", "-sS", "-w", "\n%{http_code} %{content_type}", "-X", case[1] }
    for _, word in ipairs { "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN, lab.env.VAULT_ADDR .. "/v1/" .. case[2] } do
      argv[#argv + 1] = word
    end
    if case[3] then
      argv[#argv + 1] = "-H"
      argv[#argv + 1] = "Content-Type: application/" .. (case[1] == "PATCH" and "merge-patch+json" or "json")
      argv[#argv + 1] = "-d"
      argv[#argv + 1] = type(case[3]) == "table" and json.encode(case[3]) or case[3]
    end
    local body, status = lab:run(argv).stdout:match "^(.*)\n([^\n]*)$"
    return status .. "\n" .. normal(body)
  end

  for i, case in ipairs(cases.list) do
    local name = table.concat(case, " ", 1, type(case[#case]) == "table" and #case - 1 or #case)
    it(("%d. %s"):format(i, name), function()
      local ask = case[1] == "vault" and command or request
      local theirs, ours = ask(real, case), ask(simulated, case)
      if os.getenv "DIFFERENCES" and theirs ~= ours then
        fs.append(
          os.getenv "DIFFERENCES",
          ("==== %d. %s\n---- Vault\n%s\n---- lab\n%s\n"):format(i, name, theirs, ours)
        )
      end
      if cases.different[name] then
        assert.not_equal(theirs, ours, "alike now: " .. name)
      else
        assert.equal(theirs, ours)
      end
    end)
  end
end)
