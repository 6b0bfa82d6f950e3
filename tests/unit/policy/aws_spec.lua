local aws = require "o2x.policy.aws"
local json = require "o2x.base.json"

local GRANTS <const> = { s3 = { "data/TIDLT-100008/" }, dns = { "newclient.example.com" }, rds = { instance = "main" } }

local function statements(grants)
  local by_id = {}
  for _, one in ipairs(json.decode(aws.text("o2x-newclient", grants, {}, { name = "newclient" })).Statement) do
    by_id[one.Sid] = one
  end
  return by_id
end

describe("the policy document of AWS", function()
  local found = statements(GRANTS)

  it("limits objects to the tenant's prefix", function()
    assert.same({ "arn:aws:s3:::data/TIDLT-100008/*" }, { table.unpack(found.Objects.Resource) })
    assert.same({ "TIDLT-100008/*" }, { table.unpack(found.ListObjects.Condition.StringLike["s3:prefix"]) })
  end)

  it("limits changes of records to the tenant's names", function()
    local names = found.ChangeRecords.Condition["ForAllValues:StringLike"]
    assert.same(
      { "newclient.example.com", "*.newclient.example.com" },
      { table.unpack(names["route53:ChangeResourceRecordSetsNormalizedRecordNames"]) }
    )
  end)

  it("makes and removes only servers with the tenant's tag", function()
    for id, key in pairs { RestoreAside = "aws:RequestTag/tenant", RemoveCopies = "aws:ResourceTag/tenant" } do
      assert.same({ [key] = "newclient" }, found[id].Condition.StringEquals)
    end
  end)

  it("allows everything only to look", function()
    for id, one in pairs(found) do
      if one.Resource[1] == "*" then
        for _, action in ipairs(one.Action) do
          assert.is_true(action:find ":Describe" ~= nil or action:find ":List" ~= nil, id)
        end
      end
    end
  end)

  it(
    "has nothing of S3 before the tenant has its id",
    function() assert.is_nil(statements({ dns = { "x" }, s3 = {} }).Objects) end
  )
end)
