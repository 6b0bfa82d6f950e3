local raw_server = require "tests.support.raw_server"
local rds = require "o2x.client.aws.rds"

local function result(action, inner)
  return ("<%sResponse><%sResult>%s</%sResult></%sResponse>"):format(action, action, inner, action, action)
end

local function snapshot(id, created)
  return ([[<DBSnapshot><DBSnapshotIdentifier>%s</DBSnapshotIdentifier><SnapshotCreateTime>%s</SnapshotCreateTime>
<SnapshotType>manual</SnapshotType><AllocatedStorage>20</AllocatedStorage></DBSnapshot>]]):format(id, created)
end

describe("the client of RDS", function()
  local requests

  before_each(function() requests = {} end)

  -- Runs fn(client) against a server that gives these bodies, one after the other; a body that is a number is an error.
  local function with(bodies, fn)
    local server <close> = raw_server.serve(function(request, send)
      requests[#requests + 1] = request
      local body, status = bodies[math.min(#requests, #bodies)], "200 OK"
      if body:match "^<Error" then status = "404 Not Found" end
      send(("HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"):format(status, #body, body))
    end)
    return fn(rds.new {
      endpoint = ("http://127.0.0.1:%d"):format(server.port),
      region = "us-east-1",
      access_key = "AKIA",
      secret_key = "x",
      pause = 0,
    })
  end

  local MISSING <const> =
    "<ErrorResponse><Error><Code>DBSnapshotNotFound</Code><Message>no such snapshot</Message></Error></ErrorResponse>"

  it("gives the snapshots of all pages, oldest first", function()
    local first = result(
      "DescribeDBSnapshots",
      "<Marker>m1</Marker><DBSnapshots>" .. snapshot("b", "2026-02-02") .. "</DBSnapshots>"
    )
    local second = result("DescribeDBSnapshots", "<DBSnapshots>" .. snapshot("a", "2026-02-01") .. "</DBSnapshots>")
    local list = with({ first, second }, function(client) return client:snapshots "db-1" end)
    assert.same({ "a", "b" }, { list[1].id, list[2].id })
    assert.same({ "manual", 20 }, { list[1].type, list[1].gigabytes })
    assert.matches("^GET /%?Action=DescribeDBSnapshots&DBInstanceIdentifier=db%-1&Marker=m1&Version=", requests[2])
  end)

  it("gives nil for what is not there", function()
    assert.is_nil(with({ MISSING }, function(client) return client:snapshot "nosuch" end))
    with({ MISSING }, function(client) client:delete_snapshot "nosuch" end)
  end)

  it("raises any other error", function()
    local other = MISSING:gsub("DBSnapshotNotFound", "InvalidParameterValue")
    local ok, err = pcall(with, { other }, function(client) return client:snapshot "x" end)
    assert.is_false(ok)
    assert.equal("InvalidParameterValue", err.code)
  end)

  it("sends what writes as POST, with its tags", function()
    with(
      { result("CreateDBSnapshot", "") },
      function(client) client:create_snapshot("s-1", "db-1", { tenant = "acme", by = "o2x" }) end
    )
    assert.matches("^POST / ", requests[1])
  end)

  it("reads a server with its network", function()
    local body = result(
      "DescribeDBInstances",
      [[<DBInstances><DBInstance><DBInstanceIdentifier>db-1</DBInstanceIdentifier>
<DBInstanceStatus>available</DBInstanceStatus><Endpoint><Address>db.example.com</Address><Port>5432</Port></Endpoint>
<VpcSecurityGroups><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-1</VpcSecurityGroupId>
</VpcSecurityGroupMembership></VpcSecurityGroups><TagList><Tag><Key>by</Key><Value>o2x</Value></Tag></TagList>
</DBInstance></DBInstances>]]
    )
    local found = with({ body }, function(client) return client:instance "db-1" end)
    assert.same({ "available", "db.example.com", 5432 }, { found.status, found.address, found.port })
    assert.same({ { "sg-1" }, { by = "o2x" } }, { found.security_groups, found.tags })
  end)
end)
