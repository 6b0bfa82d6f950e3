--- A tenant's grants as a policy document of AWS IAM.

local json = require "o2x.base.json"

local M = {}

local function statement(id, actions, resources, condition)
  return {
    Sid = id,
    Effect = "Allow",
    Action = json.array(actions),
    Resource = json.array(resources),
    Condition = condition,
  }
end

-- The tenant's objects; the listing of its bucket only below its prefix.
local function objects(grants, list)
  local keys, buckets, prefixes = {}, {}, {}
  for i, path in ipairs(grants.s3 or {}) do
    local bucket, prefix = path:match "^([^/]+)/(.*)$"
    keys[i], buckets[i], prefixes[i] = ("arn:aws:s3:::%s*"):format(path), "arn:aws:s3:::" .. bucket, prefix .. "*"
  end
  if #keys == 0 then return end
  list[#list + 1] =
    statement("Objects", { "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload" }, keys)
  list[#list + 1] = statement(
    "ListObjects",
    { "s3:ListBucket" },
    buckets,
    { StringLike = { ["s3:prefix"] = json.array(prefixes) } }
  )
end

-- Records can be listed only by zone. A change may name the tenant's names and those below them.
local function records(grants, list)
  local names = {}
  for _, domain in ipairs(grants.dns or {}) do
    names[#names + 1] = domain
    names[#names + 1] = "*." .. domain
  end
  list[#list + 1] = statement("FindZones", { "route53:ListHostedZones", "route53:ListHostedZonesByName" }, { "*" })
  list[#list + 1] = statement("ReadRecords", { "route53:ListResourceRecordSets" }, { "arn:aws:route53:::hostedzone/*" })
  list[#list + 1] = statement("AwaitChanges", { "route53:GetChange" }, { "arn:aws:route53:::change/*" })
  list[#list + 1] = statement(
    "ChangeRecords",
    { "route53:ChangeResourceRecordSets" },
    { "arn:aws:route53:::hostedzone/*" },
    { ["ForAllValues:StringLike"] = { ["route53:ChangeResourceRecordSetsNormalizedRecordNames"] = json.array(names) } }
  )
end

-- Snapshots bear the tenant's name; servers that a run makes are tagged with it. Descriptions cannot be limited.
local function servers(grants, tenant, list)
  local instance = grants.rds and grants.rds.instance
  if not instance then return end
  local own = ("arn:aws:rds:*:*:snapshot:%s-manual-*"):format(tenant.name)
  local copies = "arn:aws:rds:*:*:db:o2x-restore-*"
  local function tagged(key) return { StringEquals = { [("aws:%s/tenant"):format(key)] = tenant.name } } end
  list[#list + 1] = statement("LookAtServers", { "rds:DescribeDBInstances", "rds:DescribeDBSnapshots" }, { "*" })
  list[#list + 1] = statement(
    "MakeSnapshots",
    { "rds:CreateDBSnapshot" },
    { "arn:aws:rds:*:*:db:" .. instance, own },
    tagged "RequestTag"
  )
  list[#list + 1] = statement(
    "RestoreAside",
    { "rds:RestoreDBInstanceFromDBSnapshot" },
    { own, "arn:aws:rds:*:*:snapshot:rds:" .. instance .. "-*", copies, "arn:aws:rds:*:*:subgrp:*" },
    tagged "RequestTag"
  )
  list[#list + 1] = statement("Tag", { "rds:AddTagsToResource" }, { own, copies }, tagged "RequestTag")
  list[#list + 1] = statement("RemoveCopies", { "rds:DeleteDBInstance" }, { copies }, tagged "ResourceTag")
end

--- The policy document.
---@param _ string identity
---@param grants table
---@param _ table config
---@param tenant table
---@return string JSON
function M.text(_, grants, _, tenant)
  local list = {}
  objects(grants, list)
  records(grants, list)
  servers(grants, tenant, list)
  return json.pretty { Version = "2012-10-17", Statement = json.array(list) }
end

return M
