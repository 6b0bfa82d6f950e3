-- Another document than the one that was asked for was an empty list for S3 and Route 53, and an error of Lua for RDS.
-- RDS' list of snapshots was followed for ever.

local errors = require "o2x.base.error"
local limits = require "o2x.base.limits"
local raw_server = require "tests.support.raw_server"
local rds = require "o2x.client.aws.rds"
local route53 = require "o2x.client.aws.route53"
local s3 = require "o2x.client.aws.s3"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local function client(module, url)
  return module.new {
    endpoint = url,
    region = "us-east-1",
    access_key = "a",
    secret_key = secret.new("secret-key", "k"),
    pause = 0.001,
  }
end

local CALLS <const> = {
  ["S3's list"] = function(url) return client(s3, url):list("bucket", "a/") end,
  ["Route 53's zones"] = function(url) return client(route53, url):list_zones() end,
  ["Route 53's records"] = function(url) return client(route53, url):records "Z" end,
  ["RDS' snapshots"] = function(url) return client(rds, url):snapshots "db" end,
  ["RDS' snapshot"] = function(url) return client(rds, url):snapshot "s" end,
  ["RDS' server"] = function(url) return client(rds, url):instance "db" end,
}

local DOCUMENTS <const> = {
  ["a page"] = "<html><body>Welcome</body></html>",
  ["an error"] = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
  ["an error response"] = "<ErrorResponse><Error><Code>x</Code></Error></ErrorResponse>",
  ["an element"] = "<x/>",
  ["the wrong result"] = "<R><DescribeDBSnapshotsResult/><DescribeDBInstancesResult/></R>",
  ["a tag without a key"] = table.concat {
    "<R><DescribeDBInstancesResult><DBInstances><DBInstance><TagList><Tag><Value>x</Value></Tag></TagList>",
    "</DBInstance></DBInstances></DescribeDBInstancesResult></R>",
  },
}

-- Calls with a server that answers with body(number of the request). -> error, requests
local function failure(call, body)
  local number = 0
  local server <close> = raw_server.serve(function(_, send)
    number = number + 1
    local text = body(number)
    send(("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"):format(#text, text))
  end)
  local ok, err = pcall(task.timeout, 30, call, "http://127.0.0.1:" .. server.port)
  assert.is_false(ok)
  assert.is_true(errors.is(err), tostring(err))
  return err, number
end

describe("an answer of AWS", function()
  after_each(function() limits.use() end)

  for call, fn in pairs(CALLS) do
    for what, text in pairs(DOCUMENTS) do
      it(("is not %s: %s"):format(what, call), function()
        local err = failure(fn, function() return text end)
        assert.matches("unexpected answer: .* has no ", err.message)
        assert.falsy(err.message:find("%.lua:", 1))
      end)
    end
  end

  local function snapshots(marker)
    local page = "<R><DescribeDBSnapshotsResult><DBSnapshots/><Marker>%s</Marker></DescribeDBSnapshotsResult></R>"
    return function(number) return page:format(marker(number)) end
  end

  it("ends when a page of snapshots begins where an earlier one did", function()
    local err, pages = failure(CALLS["RDS' snapshots"], snapshots(function(number) return "m" .. number % 3 end))
    assert.matches("RDS's list of the snapshots of db does not end", err.message)
    assert.is_true(pages < 20)
  end)

  it("ends at a number of pages of snapshots", function()
    limits.use { pages = 20 }
    local err, pages = failure(CALLS["RDS' snapshots"], snapshots(function(number) return "m" .. number end))
    assert.matches("RDS's list of the snapshots of db: more than 20 pages", err.message)
    assert.equal(20, pages)
  end)
end)
