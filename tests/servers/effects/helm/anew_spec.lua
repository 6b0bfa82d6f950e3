-- Releases that an undo removed with their history, deployed again from the tree.

local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"
local taken_back = require "tests.support.taken_back"

describe("a release without history", function()
  -- What makes it impossible to deploy a release again as it was, and what is said.
  local CHANGES <const> = {
    {
      "its chart",
      function(env) fs.write(fs.join(env.tree, "charts/app/NOTES"), "new") end,
      "its chart .* has changed",
    },
    { "its values", function(env) env.values "level: DEBUG\n" end, "values files have changed" },
    { "nothing there", function(env) fs.remove_tree(fs.join(env.tree, "charts")) end, "it has no Chart.yaml" },
    { "values of no file", nil, "not made of files alone", { values = { level = "INFO" } } },
  }
  for _, one in ipairs(CHANGES) do
    it("is not deployed again as another one: " .. one[1], function()
      helm_cluster.with(function(env)
        local run = env.run()
        run.ensure(one[4])
        local undo = taken_back.back(run, env.run())
        if one[2] then one[2](env) end
        local again = taken_back.back(undo, env.run())
        assert.matches(one[3], again.undo.left[1].why)
        assert.equal("", env.releases())
      end)
    end)
  end

  it("is rendered by a plan already, which says what a run would refuse", function()
    helm_cluster.with(function(env)
      local run = env.run()
      run.ensure()
      local undo = taken_back.back(run, env.run())
      local plan = taken_back.back(undo, env.run "plan")
      assert.same({}, plan.undo.left)
      assert.equal("", env.releases())
    end)
  end)
end)
