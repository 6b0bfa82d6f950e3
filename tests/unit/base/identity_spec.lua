local fs = require "o2x.base.fs"
local identity = require "o2x.base.identity"

describe("identity.here", function()
  local user, host = identity.here()

  it(
    "is the host's own name, without a line end",
    function() assert.equal(fs.read("/proc/sys/kernel/hostname"):match "^%S+", host) end
  )

  it("is the user of the environment, or the number of the process's", function()
    local named = os.getenv "USER" or os.getenv "LOGNAME"
    assert.equal(named or "uid-" .. require("o2x.core.fs").user(), user)
  end)
end)
