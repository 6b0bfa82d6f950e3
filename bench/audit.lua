--- o2x audit --all over 50, 200, 400 and 1,000 tenants that are onboarded: one by the runbook, the others copies of it.

local audits = require "tests.support.audits"
local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"

local SIZES <const> = { 50, 200, 400, 1000 }
local TENANT <const> = "newclient"

-- A lab with so many tenants, in the place of the one before. Those of the seed lose their files: what is left of them
-- is found, and the same in each lab.
local function fleet(state, size)
  if state.lab then state.lab:stop() end
  state.lab = nil
  local lab = audits.healthy { TENANT }
  state.lab = lab
  local folder = fs.join(lab.env.O2X_PLATFORM, "tenants")
  for _, file in ipairs(fs.list(folder)) do
    if file ~= TENANT .. ".yaml" then fs.remove(fs.join(folder, file)) end
  end
  local words = { build.o2x, "lab", "copy", TENANT, ("--count=%d"):format(size - 1) }
  local made = proc.run { argv = words, env = lab.env, timeout = 1800 }
  assert(made.code == 0, made.stderr)
end

local function requests(lab)
  local result, all = proc.run { argv = { build.o2x, "lab", "requests", "--json" }, env = lab.env }, 0
  for _, count in pairs(json.decode(result.stdout)) do
    all = all + count
  end
  return all
end

-- No finding but those of the seed, nothing that was not looked at.
local function check(path, size)
  local found = 0
  for _, report in ipairs(json.decode(fs.read(path)).tenants) do
    if report.tenant:find(TENANT .. "$") then
      found = found + 1
      assert(not report.findings[1], report.findings[1] and report.findings[1].what)
      assert(not report.unseen[1], report.unseen[1])
    end
  end
  assert(found == size, found)
end

-- Exit code 2: there are findings, those of the seed.
local AUDIT <const> = '"$1" audit --all --quiet --json >"$2"; test $? -eq 2'
local TWO <const> = ("(%s) & (%s) && wait $!"):format(AUDIT:gsub('"$2"', '"$2.other"'), AUDIT)

local function contender(state, size, script, name)
  local path, before = fs.join(state.folder, "reports"), 0
  return {
    name = name or ("%d tenants"):format(size),
    argv = { "sh", "-c", script or AUDIT, "sh", build.o2x, path },
    env = function() return state.lab.env end,
    before = function()
      fleet(state, size)
      before = requests(state.lab)
    end,
    check = function() check(path, size) end,
    also = function() return ("%.1f requests a tenant"):format((requests(state.lab) - before) / size) end,
  }
end

return {
  title = "an audit of all tenants, onboarded: 50, 200, 400, 1,000",
  rounds = 1,
  differs = "the number of tenants; a lab of each size is made before each round, and the first round fills the cache "
    .. "of rendered charts: without it helm renders 16 charts a tenant, which costs three times the audit",
  setup = function(folder) return { folder = folder } end,
  teardown = function(state)
    if state.lab then state.lab:stop() end
  end,
  contenders = function(state)
    local list = {}
    for i, size in ipairs(SIZES) do
      list[i] = contender(state, size)
    end
    list[#list + 1] = contender(state, SIZES[1], TWO, ("%d tenants, two audits at the same time"):format(SIZES[1]))
    return list
  end,
}
