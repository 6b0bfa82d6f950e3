local core = require "o2x.core.fs"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local secret = require "o2x.base.secret"
local source = require "o2x.project.secrets_source"

local PRIVATE <const> = tonumber("600", 8)

describe("secrets", function()
  local place
  before_each(function()
    place = folder {
      ["acme.yaml"] = "stripe:\n  api_key: sk-live-123456\n  retries: 3\n",
    }
    fs.chmod(place:at "acme.yaml", PRIVATE)
  end)
  after_each(function() place:close() end)

  local function refused(message, ...)
    local ok, err = pcall(source.load, ...)
    assert.is_false(ok)
    assert.matches(message, tostring(err))
  end

  it("come from a file, each text sealed under its path", function()
    local found, where = source.load(place:at "acme.yaml", nil, "acme")
    assert.is_true(secret.is(found.stripe.api_key))
    assert.matches("stripe/api_key", tostring(found.stripe.api_key))
    assert.is_true(secret.equal(found.stripe.retries, "3"))
    assert.equal(place:at "acme.yaml", where)
  end)

  it(
    "come from the configured folder",
    function() assert.is_true(secret.is(source.load(nil, place.path, "acme").stripe.api_key)) end
  )

  it("come from Vault", function()
    local asked
    local fields = { key = "x" }
    local function client(name)
      return {
        read = function(_, path)
          asked = name .. " " .. path
          return path == "tenant/acme" and fields or nil
        end,
      }
    end
    local found, where = source.load("vault:tenant/acme", nil, "acme", client)
    assert.equal(fields, found)
    assert.equal("vault tenant/acme", asked)
    assert.equal("vault:tenant/acme", where)
    refused("vault:tenant/nosuch", "vault:tenant/nosuch", nil, "acme", client)
  end)

  it("are nil where there is no source", function()
    assert.is_nil((source.load(nil, nil, "acme")))
    assert.is_nil((source.load(nil, place.path, "other")))
  end)

  it("are refused from a file that others can read", function()
    fs.chmod(place:at "acme.yaml", tonumber("640", 8))
    refused("acme.yaml: .*0600", place:at "acme.yaml", nil, "acme")
    refused("acme.yaml: .*0600", nil, place.path, "acme")
  end)

  it("are refused from a file that is not there or holds no map", function()
    refused("nosuch.yaml", place:at "nosuch.yaml", nil, "acme")
    fs.chmod(place:write("list.yaml", "- x\n"), PRIVATE)
    fs.chmod(place:write("text.yaml", "x\n"), PRIVATE)
    refused("list.yaml: .*map", place:at "list.yaml", nil, "acme")
    refused("text.yaml: .*map", place:at "text.yaml", nil, "acme")
  end)

  for what, make in pairs {
    ["a link to a file that others can read"] = function()
      fs.chmod(place:write("open.yaml", "a: b\n"), tonumber("644", 8))
      assert(core.symlink(place:at "open.yaml", place:at "link.yaml"))
      return "link.yaml", "0600"
    end,
    ["a folder"] = function()
      fs.mkdir(place:at "folder", tonumber("700", 8))
      return "folder", "not a file"
    end,
    ["a pipe"] = function()
      proc.run { argv = { "mkfifo", "-m", "600", place:at "pipe" } }
      return "pipe", "not a file"
    end,
    ["a device"] = function() return "/dev/zero", "not a file" end,
    ["a file of more than 1 MB"] = function()
      fs.chmod(place:write("big.yaml", ("a: b\n"):rep(300000)), PRIVATE)
      return "big.yaml", "larger than 1 MB"
    end,
  } do
    it("are refused from " .. what, function()
      local name, message = make()
      refused(message, name:sub(1, 1) == "/" and name or place:at(name), nil, "acme")
    end)
  end

  it("come through a link to a private file", function()
    assert(core.symlink(place:at "acme.yaml", place:at "link.yaml"))
    assert.is_true(secret.is(source.load(place:at "link.yaml", nil, "acme").stripe.api_key))
  end)

  it("of an empty file are none", function()
    fs.chmod(place:write("empty.yaml", ""), PRIVATE)
    assert.same({}, (source.load(place:at "empty.yaml", nil, "acme")))
  end)
end)
