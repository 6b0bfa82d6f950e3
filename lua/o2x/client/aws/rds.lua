--- Amazon RDS: snapshots of a database server and servers made from them. The Query API of 2014-10-31.

local access = require "o2x.client.aws.access"
local aws = require "o2x.client.aws.support"
local endpoint = require "o2x.client.aws.endpoint"
local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local paging = require "o2x.base.paging"
local sorted_keys = require "o2x.base.sorted_keys"
local xml = require "o2x.base.xml"

local M = {}

local VERSION <const> = "2014-10-31"
--- The name of a run's temporary server.
---@param run string its id
---@return string
function M.temporary(run) return "o2x-restore-" .. run:lower() end

---@class o2x.rds
local Client = {}
Client.__index = Client

--- A client. Nothing is sent yet.
---@param options table region, credentials or keys (see support.sign), endpoint, ca_file, pause
---@return o2x.rds
function M.new(options)
  local url = options.endpoint or endpoint.amazon("rds", options.region)
  local client = { options = options, endpoint = url:gsub("/$", ""), pause = options.pause or aws.PAUSE }
  return setmetatable(client, Client)
end

-- ---- requests ----

-- In the order that the signature requires.
local function form(action, parameters)
  local pairs_list = { "Action=" .. action, "Version=" .. VERSION }
  for name, value in pairs(parameters) do
    pairs_list[#pairs_list + 1] = name .. "=" .. http.percent_encode(tostring(value))
  end
  table.sort(pairs_list)
  return table.concat(pairs_list, "&")
end

-- Reads use GET, so that a lost answer is known to have changed nothing.
local function send_once(client, action, parameters)
  local text = form(action, parameters)
  local reading = action:find("^Describe") ~= nil
  return http.request(aws.sign({
    method = reading and "GET" or "POST",
    url = client.endpoint .. (reading and "/?" .. text or "/"),
    body = not reading and text or nil,
    headers = { ["Content-Type"] = not reading and "application/x-www-form-urlencoded; charset=utf-8" or nil },
  }, client.options, "rds", client.options.region))
end

local function request(client, action, parameters)
  local response = aws.send(
    function() return send_once(client, action, parameters) end,
    client.pause,
    client.options.credentials
  )
  if response.status >= 300 then aws.fail("rds", "RDS", action, response, nil, client.options.credentials) end
  local what = "RDS's answer to " .. action
  return aws.part(xml.parse(response.body, what), what, action .. "Result")
end

-- Gives nil for a missing object; any other failure is an error.
local function request_if(client, action, parameters, missing)
  local ok, result = pcall(request, client, action, parameters)
  if ok then return result end
  if errors.is(result) and (result.code == missing or result.code == missing .. "Fault") then return nil end
  error(result, 0)
end

-- ---- what the answers say ----

local function read_tags(element)
  local tags = {}
  for _, tag in ipairs(element:find("TagList") or {}) do
    tags[aws.need(tag, "RDS", "Key")] = tag:value("Value")
  end
  return tags
end

local function read_snapshot(element)
  return {
    id = element:value("DBSnapshotIdentifier"),
    instance = element:value("DBInstanceIdentifier"),
    created = element:value("SnapshotCreateTime"),
    status = element:value("Status"),
    type = element:value("SnapshotType"),
    gigabytes = math.tointeger(tonumber(element:value("AllocatedStorage"))),
    progress = element:value("PercentProgress"),
  }
end

local function read_instance(element)
  local groups = {}
  for _, group in ipairs(element:find("VpcSecurityGroups") or {}) do
    groups[#groups + 1] = group:value("VpcSecurityGroupId")
  end
  return {
    id = element:value("DBInstanceIdentifier"),
    status = element:value("DBInstanceStatus"),
    class = element:value("DBInstanceClass"),
    address = element:value("Endpoint", "Address"),
    port = math.tointeger(tonumber(element:value("Endpoint", "Port") or "")),
    tags = read_tags(element),
    subnet_group = element:value("DBSubnetGroup", "DBSubnetGroupName"),
    security_groups = groups,
    public = element:value("PubliclyAccessible"),
  }
end

-- ---- snapshots ----

--- All snapshots of a server, manual and automated, oldest first.
---@param instance string
---@return table[] snapshots id, instance, created, status, type ("manual", "automated"), gigabytes
function Client:snapshots(instance)
  local what = "RDS's list of the snapshots of " .. instance
  local list, marker, listed = {}, nil, paging.new(what)
  repeat
    local root = request(self, "DescribeDBSnapshots", { DBInstanceIdentifier = instance, Marker = marker })
    local elements = aws.part(root, what, "DBSnapshots")
    for _, element in ipairs(elements) do
      list[#list + 1] = read_snapshot(element)
    end
    marker = listed:next(root:value("Marker"), #elements)
  until not marker
  table.sort(list, function(a, b) return (a.created or "~") < (b.created or "~") end)
  return list
end

--- A snapshot, or nil.
---@param id string
---@return table?
function Client:snapshot(id)
  local root = request_if(self, "DescribeDBSnapshots", { DBSnapshotIdentifier = id }, "DBSnapshotNotFound")
  local element = root and aws.part(root, "RDS", "DBSnapshots"):find("DBSnapshot")
  return element and read_snapshot(element)
end

local function tag_parameters(parameters, tags)
  for i, name in ipairs(sorted_keys(tags or {})) do
    parameters[("Tags.Tag.%d.Key"):format(i)], parameters[("Tags.Tag.%d.Value"):format(i)] = name, tags[name]
  end
  return parameters
end

--- Starts a snapshot of a server.
---@param id string
---@param instance string
---@param tags table<string, string>?
function Client:create_snapshot(id, instance, tags)
  local parameters = { DBSnapshotIdentifier = id, DBInstanceIdentifier = instance }
  request(self, "CreateDBSnapshot", tag_parameters(parameters, tags))
end

--- Deletes a snapshot.
---@param id string
function Client:delete_snapshot(id)
  request_if(self, "DeleteDBSnapshot", { DBSnapshotIdentifier = id }, "DBSnapshotNotFound")
end

-- ---- servers ----

--- A server, or nil.
---@param id string
---@return table? id, status, class, address, port, tags, subnet_group, security_groups, public
function Client:instance(id)
  local root = request_if(self, "DescribeDBInstances", { DBInstanceIdentifier = id }, "DBInstanceNotFound")
  local element = root and aws.part(root, "RDS", "DBInstances"):find("DBInstance")
  return element and read_instance(element)
end

--- Starts a new server from a snapshot, in the same network as another server.
---@param id string
---@param snapshot string
---@param like table the server whose class and network it gets, as `instance` returns it
---@param tags table<string, string>?
function Client:restore_instance(id, snapshot, like, tags)
  local parameters = {
    DBInstanceIdentifier = id,
    DBSnapshotIdentifier = snapshot,
    DBInstanceClass = like.class,
    MultiAZ = "false",
    DBSubnetGroupName = like.subnet_group,
    PubliclyAccessible = like.public,
  }
  for i, group in ipairs(like.security_groups or {}) do
    parameters[("VpcSecurityGroupIds.VpcSecurityGroupId.%d"):format(i)] = group
  end
  request(self, "RestoreDBInstanceFromDBSnapshot", tag_parameters(parameters, tags))
end

--- Starts the deletion of a server and of its automated backups.
---@param id string
function Client:delete_instance(id)
  local parameters = { DBInstanceIdentifier = id, SkipFinalSnapshot = "true", DeleteAutomatedBackups = "true" }
  request_if(self, "DeleteDBInstance", parameters, "DBInstanceNotFound")
end

--- The RDS client of a run.
---@param config table
---@return table client
function M.for_run(config) return M.new(access.of(config, "rds")) end

return M
