-- What somebody else changes between two reads of a run is seen by the second one: the value before a write, which undo
-- restores, is never from an answer that was kept. Only a plan keeps answers.

local json = require "o2x.base.json"
local secret = require "o2x.base.secret"
local small_run = require "tests.support.small_run"

-- Each case: a module, its grants, a client whose reads call `meanwhile` after the first one, what the script does, and
-- what the record of the intent must say of the value before.
local function vault(meanwhile)
  local fields, version = { user = "first" }, 1
  return {
    read = function()
      local found, of = { user = secret.new(fields.user, "user") }, version
      meanwhile(function()
        fields, version = { user = "other" }, version + 1
      end)
      return found, of
    end,
    put = function(_, _, wanted, options)
      assert(options.cas == version, "a foreign version was overwritten")
      fields, version = { user = wanted.user }, version + 1
      return version
    end,
  }
end

local function cluster(meanwhile)
  local object = { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "c" }, data = { key = "first" } }
  local grants = setmetatable({}, {
    __index = function()
      return function() return false end
    end,
  })
  return {
    namespace = "prod",
    grants = grants,
    resource = function() return { kind = "ConfigMap", api_version = "v1", namespaced = true } end,
    get = function()
      local found = json.decode(json.encode(object))
      meanwhile(function() object.data.key = "other" end)
      return found
    end,
    apply = function(_, wanted) object.data.key = wanted.data.key end,
  }
end

local CASES <const> = {
  {
    "vault",
    client = vault,
    scope = { vault = { "tenant/t/" } },
    run = function(api) api.ensure("x", { user = "ours" }) end,
    before = function(record) return record.reference.version == 2 end,
  },
  {
    "k8s",
    client = cluster,
    run = function(api)
      api.get("ConfigMap", "c")
      api.ensure { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "c" }, data = { key = "ours" } }
    end,
    before = function(record) return record.before.data.key == "other" end,
  },
}

describe("a change from outside between two reads", function()
  for _, case in ipairs(CASES) do
    local name = case[1]
    local function start(mode)
      local reads = 0
      local client = case.client(function(change)
        reads = reads + 1
        if reads == 1 then change() end
      end)
      local run = small_run.new {
        mode = mode,
        modules = { (require("o2x.effects." .. name)) },
        clients = { [name] = client },
        scope = case.scope,
      }
      run.within("Step", case.run, run.api[name])
      return run, reads
    end

    it("is what a run finds before it writes: " .. name, function()
      local run = start "apply"
      for _, record in ipairs(run.records) do
        if record.t == "intent" then return assert.is_true(case.before(record), json.encode(record.before)) end
      end
      error("no intent: " .. run.story(), 0)
    end)

    it("is not seen by a plan, which is one look: " .. name, function()
      local _, reads = start "plan"
      assert.equal(1, reads)
    end)
  end
end)
