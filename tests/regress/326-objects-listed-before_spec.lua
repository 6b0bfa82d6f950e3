-- The name of a workload that no grant has is known only from a list under the tenant's label. A resumed run had not
-- made that list, and refused to read what it had scaled itself.

local change = require "o2x.effects.k8s.change"

describe("a workload that the first attempt found in a list", function()
  for _, type in ipairs(change.types) do
    it("is listed again before " .. type.kind .. " reads it", function()
      local seen, story = {}, {}
      local k8s = {
        grants = { allows = function(_, _, _, name) return seen[name] == true end },
        resource = function() return { kind = "CronJob", namespaced = true } end,
        list = function()
          story[#story + 1] = "list"
          seen["year-end"] = true
        end,
        get = function(_, _, name)
          assert.is_true(seen[name])
          story[#story + 1] = "get"
          return { spec = { replicas = 2 } }
        end,
      }
      local ctx = {
        client = function() return k8s end,
        retry = function(_, fn, ...) return fn(...) end,
        once = function(_, _, fn, ...) return fn(...) end,
      }
      local target =
        { kind = "CronJob", api_version = "batch/v1", name = "year-end", namespace = "default", places = {} }
      assert.is_not_nil(type.read(ctx, target))
      type.read(ctx, target)
      assert.equal("list get get", table.concat(story, " "))
    end)
  end
end)
