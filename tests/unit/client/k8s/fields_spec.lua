local fields = require "o2x.client.k8s.fields"

describe("fields of the server's own kinds", function()
  it("are told from those of custom resources", function()
    for version, builtin in pairs {
      ["v1"] = true,
      ["apps/v1"] = true,
      ["networking.k8s.io/v1"] = true,
      ["monitoring.coreos.com/v1"] = false,
      ["x.k8s.io.example/v1"] = false,
    } do
      assert.equal(builtin, fields.is_builtin { apiVersion = version }, version)
    end
  end)

  local PORTS <const> = {
    { port = 53, protocol = "UDP", name = "udp" },
    { port = 53, protocol = "TCP", name = "tcp" },
    { port = 80, name = "http" },
  }
  for what, case in pairs {
    ["by all its keys"] = { { port = 53, protocol = "UDP" }, "udp" },
    ["with the protocol that the server fills in"] = { { port = 53 }, "tcp" },
    ["where the list leaves it out"] = { { port = 80, protocol = "TCP" }, "http" },
    ["not at all with another key"] = { { port = 81 }, nil },
  } do
    it("find a list's item " .. what, function()
      local found = fields.counterpart(PORTS, case[1], fields.MERGE_KEYS.ports)
      assert.equal(case[2], found and found.name)
    end)
  end
end)
