-- A lab took ports out of the range of outgoing connections: while it was down, or before its PostgreSQL had started,
-- a connection of another program could get one, and the lab came up on another port or not at all.
local context = require "lab.context"
local fs = require "o2x.base.fs"
local httpd = require "lab.httpd"

local function serve(port)
  return httpd.serve { port = port, handler = function() return 404 end }
end

describe("a lab's port", function()
  local folder, lab
  before_each(function()
    folder = fs.temp_folder()
    lab = context.new(folder)
  end)
  after_each(function() fs.remove_tree(folder) end)

  it("is none that a connection can get", function()
    local first = tonumber(fs.read("/proc/sys/net/ipv4/ip_local_port_range"):match "%d+")
    if first > 11000 then assert.is_true(lab.port "vault" < first) end
  end)

  it("is another one when somebody took it before the server did", function()
    local thief
    local server, port = lab.on_port("vault", function(port)
      thief = thief or serve(port)
      return serve(port)
    end)
    assert.not_equal(thief.port, port)
    assert.equal(server.port, port)
    assert.equal(port, lab.port "vault")
    thief:stop()
    server:stop()
  end)

  it("stays the same when the server fails for another reason", function()
    local tries = 0
    local ok, problem = pcall(lab.on_port, "vault", function()
      tries = tries + 1
      error("broken", 0)
    end)
    assert.same({ false, "broken", 1 }, { ok, problem, tries })
  end)
end)
