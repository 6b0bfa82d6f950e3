-- A helm that has rendered and waits was told to write though it had been killed meanwhile, or had started with
-- credentials that were renewed since: the run failed, though nothing was wrong with the release. Another helm writes
-- what was checked.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"
local proc = require "o2x.base.proc"

-- Ends the processes of this test's own folder, by their ids, and waits for helm's end.
local function kill(env, release, program)
  local waiting = env.helm:waiting().waiting[release]
  local pattern = ("^(/.*/)?%s .*%s"):format(program, fs.join(env.lab.dir, "run/helm/rendered"))
  local ids = proc.run({ argv = { "pgrep", "-f", pattern } }).stdout
  assert.matches("%d", ids)
  for id in ids:gmatch "%d+" do
    proc.run { argv = { "kill", "-9", id } }
  end
  eventually("its end", function() return waiting.ended end)
end

local CASES <const> = {
  ["it was killed"] = function(env, release) kill(env, release, "helm") end,
  ["its post-renderer was killed"] = function(env, release) kill(env, release, "sh") end,
  ["its credentials were renewed"] = function(env) env.config:refresh() end,
}

describe("a helm that waits", function()
  for what, happen in pairs(CASES) do
    it("is replaced by another one when " .. what, function()
      helm_cluster.with(function(env)
        local upgrade = env.helm.upgrade
        env.helm.upgrade = function(self, name, release)
          assert.is_not_nil(self:waiting().waiting[release])
          happen(env, release)
          return upgrade(self, name, release)
        end
        env.run().ensure()
        assert.equal("version upgrade upgrade", env.helms())
        assert.equal("t1-app 1 deployed", env.releases())
        assert.is_nil(next(env.helm:waiting().waiting))
      end, true)
    end)
  end
end)
