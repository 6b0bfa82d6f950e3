local stdlib = require "tests.support.stdlib"

describe("stdlib.logs", function()
  local tenant = stdlib.tenant "urbanos"

  local function shown(params)
    local std = stdlib.new {
      k8s = {
        list = function(_, o) return { { metadata = { name = o.selector:match "=(.*)" .. "-1" } } } end,
        logs = function(pod)
          if pod:find "tax" then error "no container" end
          return "INFO started\nERROR lost\n"
        end,
      },
    }
    params.lines = 10
    std.require("logs").run(tenant, params)
    return std.run.output
  end

  it("shows the lines of each pod, and why there are none", function()
    local output = shown { services = { "service-sso", "tax-gateway" } }
    assert.matches("==> urbanos%-service%-sso%-1 <==\nINFO started\nERROR lost", output.text)
    assert.matches("==> urbanos%-tax%-gateway%-1 <==\n%(no log: .*no container%)", output.text)
  end)

  it("leaves out lines without the text, and pods without such lines", function()
    local output = shown { services = { "service-sso" }, match = "error" }
    assert.equal("==> urbanos-service-sso-1 <==\nERROR lost", output.text)
    assert.equal("", shown({ services = { "service-sso" }, match = "nothing" }).text)
  end)
end)
