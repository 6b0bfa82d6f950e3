-- An audit tells one clear story of a tenant that was half deleted: each system of it gone, and each the only one left.

local audits = require "tests.support.audits"
local half_deleted = require "tests.support.half_deleted"
local paste = require "tests.support.proposed.paste"

local LINES <const> = 40 -- of the whole report, for people

-- System → what the first finding about it says. Where nothing of the kind is as it should be, it is one finding.
local GONE <const> = {
  registry = "enginedevdb core_config.tenant where name = 'newclient'",
  database = "database coredb-newclient",
  secrets = "all 5 secrets",
  queues = "all 4 queues",
  values = "all 16 files",
  releases = "all 16 releases",
  objects = "Ingress default/newclient-ingress",
  records = "all 3 records",
  documents = "docs/runbooks/TENANT_newclient.md",
  manifests = "k8s/ingress/newclient-ingress.yaml",
}

-- System → what is said beside "most of tenant newclient".
local LEFT <const> = {
  registry = "= Allocate the tenant id: 2 there",
  secrets = "= Store the credentials in Vault: 4 there",
  queues = "+ Create the queues: 4 missing", -- whose they are, only the id says
  values = "~ Write the Helm values: 16 different",
  releases = "~ Deploy: 16 different",
  records = "= Create the DNS records: 3 there",
  documents = "~ Write the handoff documents: 2 different",
}

describe("an audit of a half-deleted tenant", function()
  local lab
  setup(function() lab = audits.healthy { "newclient", "acme-sbx", "demo" } end)
  teardown(function() lab:stop() end)
  before_each(function() lab.memory:restore "healthy" end)

  local function text()
    local result = lab:o2x { "audit", "newclient" }
    assert.equal(2, result.code, result.stderr)
    local count = select(2, result.stdout:gsub("\n", ""))
    assert(count <= LINES, ("%d lines:\n%s"):format(count, result.stdout))
    return result.stdout
  end

  local function look()
    text()
    return audits.audit(lab, "newclient")[1]
  end

  -- Nothing of the plan is in its way: then the commands mend all of it.
  local function mends(report)
    local done = {}
    for _, finding in ipairs(report.findings) do
      if finding.way == "in the way" then return end
    end
    for _, finding in ipairs(report.findings) do
      local command = finding.mend or (finding.hint or ""):match "o2x run .*"
      if command and not done[command] then paste.works(lab, command) end
      done[command or ""] = true
    end
    assert.same({}, audits.audit(lab, "newclient")[1].findings)
  end

  local function first_missing(report)
    for _, finding in ipairs(report.findings) do
      if finding.way == "missing" then return finding end
    end
  end

  for i, system in ipairs(half_deleted.SYSTEMS) do
    local name, delete = table.unpack(system)
    it("whose " .. name .. " is gone: says so, and how it is mended", function()
      delete(lab)
      local report = look()
      assert.equal(GONE[name], first_missing(report).what)
      assert.is_true(#report.findings <= 7)
      mends(report)
    end)

    it("of which only " .. name .. " is left: says what is gone, and what is not", function()
      for j, other in ipairs(half_deleted.SYSTEMS) do
        if i ~= j then other[2](lab) end
      end
      local report = look()
      local first = report.findings[1]
      assert.equal(1, first.rank)
      if name == "database" then return assert.equal(GONE.registry, first.what) end -- all else follows from it
      assert.matches("most of tenant newclient: %d+ of %d+ things", first.what)
      if LEFT[name] then
        assert.truthy(table.concat(first.diff, "\n"):find(LEFT[name], 1, true), table.concat(first.diff, "\n"))
      end
      assert.is_true(#report.findings <= 2)
      assert(first.mend or first.hint:find("TIDLT-100008", 1, true), first.hint)
    end)
  end

  it("says of an id that only the services have that a run would give another", function()
    for _, system in ipairs(half_deleted.SYSTEMS) do
      if system[1] ~= "releases" then system[2](lab) end
    end
    local first = look().findings[1]
    assert.is_nil(first.mend)
    assert.matches("the services have TIDLT%-100008, which the registry does not know", first.hint)
  end)
end)
