-- A release whose chart renders nothing, or only hooks, comments or notes, has no manifest in helm's records.

local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"

local HOOK <const> = "kind: ConfigMap\napiVersion: v1\n"
  .. 'metadata: {name: t1-app, annotations: {"helm.sh/hook": "pre-install,pre-upgrade,pre-rollback"}}\n'

local CASES <const> = {
  nothing = {},
  comments = { ["a.yaml"] = "# none\n---\n{{/* none */}}\n---\n" },
  notes = { ["NOTES.txt"] = "Welcome\n" },
  hooks = { ["a.yaml"] = HOOK },
}

describe("a release without objects", function()
  it("is installed, changed, rolled back and removed like any other", function()
    helm_cluster.with(function(env)
      local folder = fs.join(env.tree, "charts/c")
      local o = { chart = "charts/c" }
      for name, templates in pairs(CASES) do
        if fs.exists(folder) then fs.remove_tree(folder) end
        fs.write(fs.join(folder, "Chart.yaml"), "apiVersion: v2\nname: c\nversion: 1.0.0\n", { parents = true })
        for file, text in pairs(templates) do
          fs.write(fs.join(folder, "templates", file), text, { parents = true })
        end
        env.values "level: INFO\n"
        local first = env.run "plan"
        first.ensure(o)
        assert.is_string(first.plan.changes[1].show.lines[1], name)
        assert.equal("created", select(2, env.run().ensure(o)), name)
        local plan = env.run "plan"
        plan.ensure(o)
        assert.is_false(plan.plan:has_changes(), name)
        env.values "level: DEBUG\n"
        assert.equal("changed", select(2, env.run().ensure(o)), name)
        assert.equal("changed", env.run().api.helm.rollback("t1-app", 1), name)
        assert.equal("t1-app 3 deployed", env.releases(), name)
        env.run().api.helm.remove_release "t1-app"
        assert.equal("t1-app 3 uninstalled", env.releases(), name)
        env.ask("kubectl", "delete", "secret", "-l", "owner=helm,name=t1-app")
        env.lab.run("kubectl", "delete", "cm", "t1-app", "--ignore-not-found")
      end
    end)
  end)
end)
