--- The lab's RDS: the Query API of 2014-10-31.

local clock = require "o2x.base.clock"
local httpd = require "lab.httpd"
local servers = require "lab.rds_servers"
local sorted_keys = require "o2x.base.sorted_keys"

local M = { sweep = servers.sweep, forget = servers.forget }

local NAMESPACE <const> = "http://rds.amazonaws.com/doc/2014-10-31/"
local ACCOUNT <const> = "123456789012"
local MAX_RECORDS <const> = 100

local function arn(what, id) return ("arn:aws:rds:us-east-1:%s:%s:%s"):format(ACCOUNT, what, id) end

local function stamp(time) return clock.iso(time, 3) end

local function tag_list(tags)
  local list = { "TagList" }
  for _, name in ipairs(sorted_keys(tags)) do
    list[#list + 1] = { "Tag", { "Key", name }, { "Value", tags[name] } }
  end
  return list
end

local function snapshot_node(snapshot)
  return {
    "DBSnapshot",
    { "DBSnapshotIdentifier", snapshot.id },
    { "DBInstanceIdentifier", snapshot.instance },
    { "SnapshotCreateTime", stamp(snapshot.created) },
    { "Engine", "postgres" },
    { "AllocatedStorage", 100 },
    { "Status", snapshot.status },
    { "Port", 5432 },
    { "MasterUsername", "admin" },
    { "SnapshotType", snapshot.type },
    { "PercentProgress", snapshot.status == "available" and 100 or 10 },
    { "Encrypted", "false" },
    { "DBSnapshotArn", arn("snapshot", snapshot.id) },
    tag_list(snapshot.tags),
    { "OriginalSnapshotCreateTime", stamp(snapshot.created) },
  }
end

local function instance_node(api, instance)
  local node = {
    "DBInstance",
    { "DBInstanceIdentifier", instance.id },
    { "DBInstanceClass", instance.class },
    { "Engine", "postgres" },
    { "DBInstanceStatus", instance.status },
    { "MasterUsername", "admin" },
  }
  if instance.status ~= "creating" then
    node[#node + 1] = { "Endpoint", { "Address", api.lab.host }, { "Port", api.servers:port(instance) } }
  end
  for _, field in ipairs {
    { "AllocatedStorage", 100 },
    { "InstanceCreateTime", stamp(instance.created) },
    { "BackupRetentionPeriod", 7 },
    {
      "VpcSecurityGroups",
      { "VpcSecurityGroupMembership", { "VpcSecurityGroupId", "sg-1ab0000000000000" }, { "Status", "active" } },
    },
    { "MultiAZ", "false" },
    { "PubliclyAccessible", "false" },
    { "StorageType", "gp3" },
    { "DBInstanceArn", arn("db", instance.id) },
    { "DeletionProtection", tostring(instance.primary == true) },
    tag_list(instance.tags),
  } do
    node[#node + 1] = field
  end
  return node
end

-- ---- actions ----

local Api = {}
Api.__index = Api

local function problem(api, status, code, message, ...)
  return api.aws.problem(status, code, message:format(...), NAMESPACE)
end

local function answer(api, action, ...)
  return api.aws.answer(
    200,
    { action .. "Response", { action .. "Result", ... }, { "ResponseMetadata", { "RequestId", "lab" } } },
    NAMESPACE
  )
end

local function no_instance(api, id) return problem(api, 404, "DBInstanceNotFound", "DBInstance %s not found.", id) end
local function no_snapshot(api, id) return problem(api, 404, "DBSnapshotNotFound", "DBSnapshot %s not found.", id) end

-- A valid identifier in lower case; or nil and the error response.
local function identifier(api, form, name)
  local id = (form[name] or ""):lower()
  if id == "" then
    return nil, { problem(api, 400, "MissingParameter", "The request must contain the parameter %s.", name) }
  end
  if not id:find("^%a[%w%-]*$") or id:find("--", 1, true) or id:find("-$") then
    return nil,
      {
        problem(
          api,
          400,
          "InvalidParameterValue",
          "The parameter %s is not a valid identifier. Identifiers must begin "
            .. "with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or "
            .. "contain two consecutive hyphens.",
          name
        ),
      }
  end
  return id
end

local function tags_of(form)
  local tags, i = {}, 1
  while form[("Tags.Tag.%d.Key"):format(i)] do
    tags[form[("Tags.Tag.%d.Key"):format(i)]] = form[("Tags.Tag.%d.Value"):format(i)] or ""
    i = i + 1
  end
  return tags
end

-- One page of a list. The marker is where the next page starts.
local function page(form, list, name, node)
  local from = math.tointeger(tonumber(form.Marker or "")) or 0
  local limit = math.min(math.tointeger(tonumber(form.MaxRecords or "")) or MAX_RECORDS, MAX_RECORDS)
  local nodes = { name }
  for i = from + 1, math.min(from + limit, #list) do
    nodes[#nodes + 1] = node(list[i])
  end
  if from + limit < #list then return nodes, { "Marker", from + limit } end
  return nodes
end

local function sorted(map)
  local list = {}
  for _, entry in pairs(map) do
    list[#list + 1] = entry
  end
  table.sort(list, function(a, b) return a.created == b.created and a.id < b.id or a.created < b.created end)
  return list
end

--- Lists snapshots.
---@param form table<string, string> of the request
---@return integer status
---@return table headers
---@return string body
function Api:DescribeDBSnapshots(form)
  local id, list = form.DBSnapshotIdentifier, {}
  if id and not self.state.snapshots[id:lower()] then return no_snapshot(self, id) end
  for _, snapshot in ipairs(sorted(self.state.snapshots)) do
    if
      (not id or snapshot.id == id:lower())
      and (not form.SnapshotType or snapshot.type == form.SnapshotType)
      and (not form.DBInstanceIdentifier or snapshot.instance == form.DBInstanceIdentifier:lower())
    then
      list[#list + 1] = snapshot
    end
  end
  return answer(self, "DescribeDBSnapshots", page(form, list, "DBSnapshots", snapshot_node))
end

--- Creates a snapshot of an instance.
---@param form table<string, string> of the request
---@return integer status
---@return table headers
---@return string body
function Api:CreateDBSnapshot(form)
  local id, refusal = identifier(self, form, "DBSnapshotIdentifier")
  if not id then return table.unpack(refusal) end
  local instance = self.state.instances[(form.DBInstanceIdentifier or ""):lower()]
  if not instance then return no_instance(self, form.DBInstanceIdentifier or "") end
  if self.state.snapshots[id] then
    return problem(
      self,
      400,
      "DBSnapshotAlreadyExists",
      "Cannot create the snapshot because a snapshot with the identifier %s already exists.",
      id
    )
  end
  if instance.status ~= "available" then
    return problem(
      self,
      400,
      "InvalidDBInstanceState",
      "Cannot create a snapshot because the database instance %s is not currently in the available state.",
      instance.id
    )
  end
  return answer(self, "CreateDBSnapshot", snapshot_node(self.servers:create_snapshot(id, instance.id, tags_of(form))))
end

--- Deletes a snapshot.
---@param form table<string, string> of the request
---@return integer status
---@return table headers
---@return string body
function Api:DeleteDBSnapshot(form)
  local snapshot = self.state.snapshots[(form.DBSnapshotIdentifier or ""):lower()]
  if not snapshot then return no_snapshot(self, form.DBSnapshotIdentifier or "") end
  if snapshot.status ~= "available" then
    return problem(
      self,
      400,
      "InvalidDBSnapshotState",
      "Cannot delete the snapshot because it is not currently in the available state."
    )
  end
  self.servers:delete_snapshot(snapshot)
  snapshot.status = "deleted"
  return answer(self, "DeleteDBSnapshot", snapshot_node(snapshot))
end

--- Lists instances.
---@param form table<string, string> of the request
---@return integer status
---@return table headers
---@return string body
function Api:DescribeDBInstances(form)
  local id, list = form.DBInstanceIdentifier, {}
  if id and not self.state.instances[id:lower()] then return no_instance(self, id) end
  for _, instance in ipairs(sorted(self.state.instances)) do
    if not id or instance.id == id:lower() then list[#list + 1] = instance end
  end
  return answer(
    self,
    "DescribeDBInstances",
    page(form, list, "DBInstances", function(instance) return instance_node(self, instance) end)
  )
end

--- Creates an instance from a snapshot.
---@param form table<string, string> of the request
---@return integer status
---@return table headers
---@return string body
function Api:RestoreDBInstanceFromDBSnapshot(form)
  local id, refusal = identifier(self, form, "DBInstanceIdentifier")
  if not id then return table.unpack(refusal) end
  local snapshot = self.state.snapshots[(form.DBSnapshotIdentifier or ""):lower()]
  if not snapshot then return no_snapshot(self, form.DBSnapshotIdentifier or "") end
  if self.state.instances[id] then
    return problem(self, 400, "DBInstanceAlreadyExists", "DB instance already exists")
  end
  if snapshot.status ~= "available" then
    return problem(
      self,
      400,
      "InvalidDBSnapshotState",
      "DBSnapshot must have state available but actually has %s",
      snapshot.status
    )
  end
  local instance = self.servers:restore(id, snapshot, tags_of(form), form.DBInstanceClass)
  return answer(self, "RestoreDBInstanceFromDBSnapshot", instance_node(self, instance))
end

--- Deletes an instance.
---@param form table<string, string> of the request
---@return integer status
---@return table headers
---@return string body
function Api:DeleteDBInstance(form)
  local instance = self.state.instances[(form.DBInstanceIdentifier or ""):lower()]
  if not instance then return no_instance(self, form.DBInstanceIdentifier or "") end
  if instance.primary then
    return problem(
      self,
      400,
      "InvalidParameterCombination",
      "Cannot delete protected DB Instance, please disable deletion protection and try again."
    )
  end
  if instance.status == "deleting" or instance.status == "creating" then
    return problem(
      self,
      400,
      "InvalidDBInstanceState",
      "Instance %s is already being %s.",
      instance.id,
      instance.status == "deleting" and "deleted" or "created"
    )
  end
  if form.SkipFinalSnapshot ~= "true" then
    return problem(
      self,
      400,
      "InvalidParameterCombination",
      "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
    )
  end
  self.servers:delete_instance(instance)
  return answer(self, "DeleteDBInstance", instance_node(self, instance))
end

-- ---- requests ----

local function parse(request)
  local form = {}
  for pair in ((request.target:match("%?(.*)$") or "") .. "&" .. (request.body or "")):gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    form[httpd.decode((name:gsub("+", " ")))] = httpd.decode((value:gsub("+", " ")))
  end
  return form
end

--- The handler of requests signed for RDS.
---@param lab table
---@param aws table lab.aws
---@return function
function M.handler(lab, aws)
  local api = setmetatable({ lab = lab, aws = aws, state = lab.state("rds"), servers = servers.open(lab) }, Api)
  return function(request)
    local form = parse(request)
    local action = form.Action or ""
    if not action:find("^[A-Z]%w+$") or not Api[action] then
      return problem(api, 400, "InvalidAction", "Could not find operation %s for version 2014-10-31", action)
    end
    return api[action](api, form)
  end
end

return M
