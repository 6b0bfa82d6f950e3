-- What the lab's Redis was asked.

local commands = require "lab.asked.commands"

describe("the commands of Redis", function()
  it("are in their order; what is not known to read is a write", function()
    local asked
    local connection = {
      command = function(_, ...)
        asked = { ... }
        return {
          { 2, 1700000001, 5, { "unlink", "T:a", "T:b" }, "127.0.0.1:1", "" },
          { 1, 1700000000, 5, { "SCAN", "0" }, "127.0.0.1:1", "" },
        }
      end,
    }
    local list = commands.read(connection)
    assert.same({ "SLOWLOG", "GET" }, { asked[1], asked[2] })
    assert.equal("SCAN", list[1].method)
    assert.is_false(list[1].write)
    assert.is_nil(list[1].identity)
    assert.is_true(list[2].write)
    assert.equal("redis unlink T:a T:b", list[2].identity)
  end)

  it("ask with ACL, too, or write", function()
    local connection = {
      command = function()
        return {
          { 3, 1700000002, 5, { "ACL", "SETUSER", "a" }, "127.0.0.1:1", "" },
          { 2, 1700000001, 5, { "ACL", "DRYRUN", "a", "PING" }, "127.0.0.1:1", "" },
          { 1, 1700000000, 5, { "acl", "whoami" }, "127.0.0.1:1", "" },
        }
      end,
    }
    local list = commands.read(connection)
    assert.same({ false, false, true }, { list[1].write, list[2].write, list[3].write })
  end)
end)
