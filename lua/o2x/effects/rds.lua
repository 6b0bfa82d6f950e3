--- RDS for runbooks: snapshots of the platform's database server, and a temporary server restored from one. A snapshot
--- holds the data of all tenants; a run may use those named after its own tenant and RDS's automated ones.

local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local guard = require "o2x.base.guard"
local command = require "o2x.client.aws.command"
local rds_client = require "o2x.client.aws.rds"
local shell = require "o2x.base.shell"
local task = require "o2x.base.task"
local units = require "o2x.base.units"
local value = require "o2x.base.value"

local SNAPSHOT_SECONDS <const>, INSTANCE_SECONDS <const> = 4 * 3600, 4 * 3600
local POLL <const> = { first = 0.2, factor = 1.5, longest = 15 }

local function client(ctx) return ctx:client "aws.rds" end

-- Polls look() until it returns true; shows the status that it returns until then.
local function wait(ctx, what, seconds, look)
  local began, pause = task.now(), POLL.first
  while true do
    local done, status = look()
    if done then return end
    ctx:waiting(("%s: %s for %s"):format(what, status or "waiting", units.duration(task.now() - began)))
    if task.now() - began > seconds then
      errors.raise {
        kind = "timeout",
        module = "rds",
        hint = "o2x resume continues to wait",
        message = ("%s is still %s after %s"):format(what, status or "not ready", units.duration(seconds)),
      }
    end
    task.sleep(pause)
    pause = math.min(POLL.longest, pause * POLL.factor)
  end
end

local function broken(what, status)
  errors.raise {
    kind = "failed",
    module = "rds",
    message = ("%s is %s"):format(what, status),
    hint = "look at it in the RDS console",
  }
end

local BROKEN <const> = {
  failed = true,
  ["incompatible-restore"] = true,
  ["incompatible-network"] = true,
  ["incompatible-parameters"] = true,
  ["storage-full"] = true,
}

-- ---- rds.snapshot ----

-- NAME-manual-YYYYMMDD-HHMMSS of exactly this tenant: newclient-sbx-manual-… does not belong to newclient. In a plan it
-- may be the run's own time, which is not known yet.
local function is_own(ctx, id)
  local tenant, stamp = tostring(id):match("^(.+)%-manual%-([%w-]+)$")
  if tenant ~= ctx.tenant.name then return false end
  if ctx.mode == "plan" and stamp == ctx:stamp_of_the_run() then return true end
  return stamp:find("^%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d$") ~= nil
end

-- Automated snapshots belong to the server, not to a tenant.
local function may_use(ctx, snapshot)
  return snapshot.instance == ctx.scope.rds.instance and (is_own(ctx, snapshot.id) or snapshot.type == "automated")
end

local function refuse(ctx, id, why)
  errors.raise {
    kind = "refused",
    module = "rds",
    code = "EREFUSED",
    message = ("snapshot %s %s"):format(id, why),
    hint = ("snapshots of NAME are named NAME-manual-DATE-TIME; o2x run backup NAME list=true lists them"):gsub(
      "NAME",
      ctx.tenant.name
    ),
  }
end

local function read_snapshot(ctx, target)
  local found = client(ctx):snapshot(target.id)
  if not found or found.status == "deleted" then return nil end
  if found.instance ~= target.instance then refuse(ctx, target.id, "belongs to another server: " .. found.instance) end
  return { instance = found.instance, status = found.status }
end

local MADE <const> = { DBSnapshotAlreadyExists = true, DBInstanceAlreadyExists = true }

local function is_there(err) return MADE[err.code] == true end

local function write_snapshot(ctx, target, desired, before)
  local rds = client(ctx)
  if desired == nil then
    if not value.equal(read_snapshot(ctx, target), before) then guard.refuse("rds", "snapshot " .. target.id) end
    return rds:delete_snapshot(target.id)
  end
  if not before then
    local tags = { tenant = ctx.tenant.name, ["o2x:run"] = ctx.run_id }
    guard.run(is_there, rds.create_snapshot, rds, target.id, target.instance, tags)
  end
  wait(ctx, "snapshot " .. target.id, SNAPSHOT_SECONDS, function()
    local now = rds:snapshot(target.id)
    local status = now and now.status or "not created yet"
    if BROKEN[status] then broken("snapshot " .. target.id, status) end
    return status == "available", status
  end)
end

local function aws(ctx, ...) return command.rds(ctx.config or {}, ...) end

local function tag_of(ctx) return ("Key=tenant,Value=%s"):format(ctx.tenant.name) end

local function snapshot_by_hand(ctx, target, desired, before)
  local id = { "--db-snapshot-identifier", target.id }
  if desired == nil then return { aws(ctx, "delete-db-snapshot", table.unpack(id)) } end
  local lines = {}
  if before == nil or value.is_unknown(before) then
    local from = { "--db-instance-identifier", target.instance }
    lines[1] = aws(ctx, "create-db-snapshot", from[1], from[2], id[1], id[2], "--tags", tag_of(ctx))
  end
  lines[#lines + 1] = aws(ctx, "wait", "db-snapshot-available", table.unpack(id))
  return lines
end

local snapshot = {
  kind = "rds.snapshot",
  rehearsal = { none = "a snapshot is data of all tenants" },
  class = "idempotent",
  guard = "RDS makes a snapshot of a name only once; a deletion looks right before",
  -- Being created or deleted.
  interim = function(_, _, _, now) return now ~= nil and now.status ~= "available" end,
  undo = {
    before = "whether the snapshot existed",
    how = "deletes a new snapshot",
    cannot = "a deleted snapshot",
    gone = "the snapshot",
    restore = function(_, past)
      if past.before ~= nil then return nil, "the snapshot was deleted" end
      return { target = past.target }
    end,
  },
  key = function(target) return target.id end,
  read = read_snapshot,
  write = write_snapshot,
  by_hand = snapshot_by_hand,
  show = function(target, before, after)
    local sign = after and "+" or "-"
    return {
      title = "snapshot " .. target.id,
      lines = {
        before and after and "~ wait until it is available"
          or ("%s of the server %s with all its databases"):format(sign, target.instance),
      },
    }
  end,
}

-- ---- rds.instance ----

local function read_instance(ctx, target)
  local found = client(ctx):instance(target.id)
  if not found then return nil end
  if found.tags["o2x:run"] ~= ctx.run_id then
    errors.raise {
      kind = "conflict",
      module = "rds",
      message = ("the server %s exists but does not belong to this run"):format(target.id),
    }
  end
  return {
    id = target.id,
    class = found.class,
    snapshot = found.tags["o2x:snapshot"],
    status = found.status,
    address = found.address,
    port = found.port,
  }
end

local function create_instance(ctx, target, desired, before)
  local rds = client(ctx)
  if not before then
    local like = rds:instance(target.near)
    if not like then
      errors.raise {
        kind = "failed",
        module = "rds",
        message = "unknown server " .. target.near,
        hint = "check database.instance in platform.yaml, and aws.region",
      }
    end
    local tags = { ["o2x:run"] = ctx.run_id, ["o2x:snapshot"] = desired.snapshot, tenant = ctx.tenant.name }
    guard.run(is_there, rds.restore_instance, rds, target.id, desired.snapshot, like, tags)
  end
  wait(ctx, "server " .. target.id, INSTANCE_SECONDS, function()
    local now = rds:instance(target.id)
    local status = now and now.status or "not created yet"
    if BROKEN[status] then broken("server " .. target.id, status) end
    return status == "available", status
  end)
end

local function delete_instance(ctx, target, before)
  local rds = client(ctx)
  local there = before and before.status ~= "deleting" and read_instance(ctx, target) -- refuses another run's
  if there and there.status ~= "deleting" then rds:delete_instance(target.id) end
  wait(ctx, "server " .. target.id, INSTANCE_SECONDS, function()
    local now = rds:instance(target.id)
    return now == nil, now and now.status
  end)
end

-- Class, subnets and groups are those of the server that the snapshot is from.
local function like_by_hand(ctx, near)
  local query = "DBInstances[0].{class: DBInstanceClass, subnets: DBSubnetGroup.DBSubnetGroupName, "
    .. "groups: VpcSecurityGroups[].VpcSecurityGroupId}"
  return ctx:variable("LIKE", aws(ctx, "describe-db-instances", "--db-instance-identifier", near, "--query", query))
end

local function instance_by_hand(ctx, target, desired, before)
  local id = { "--db-instance-identifier", target.id }
  if desired == nil then
    return {
      aws(ctx, "delete-db-instance", id[1], id[2], "--skip-final-snapshot", "--delete-automated-backups"),
      aws(ctx, "wait", "db-instance-deleted", table.unpack(id)),
    }
  end
  local waiting = aws(ctx, "wait", "db-instance-available", table.unpack(id))
  if before ~= nil and not value.is_unknown(before) then return { waiting } end
  like_by_hand(ctx, target.near)
  local words = { "restore-db-instance-from-db-snapshot", id[1], id[2], "--db-snapshot-identifier", desired.snapshot }
  local part = [[ %s $(jq -r '%s' <<<"$LIKE")]]
  local create = aws(ctx, table.unpack(words)) .. part:format("--db-instance-class", ".class")
  create = create .. part:format("--db-subnet-group-name", ".subnets") .. " --no-multi-az"
  create = create .. part:format("--vpc-security-group-ids", ".groups[]")
  return { create .. " " .. shell.command { "--tags", tag_of(ctx) }, waiting }
end

local instance = {
  kind = "rds.instance",
  rehearsal = { none = "a database server is not made in a rehearsal" },
  class = "idempotent",
  guard = "RDS makes a server of a name only once; a deletion looks right before whose it is",
  interim = function() return true end, -- read refuses another run's server
  undo = {
    before = "whether the server existed",
    how = "deletes a new server; restores a deleted one from its snapshot",
  },
  key = function(target) return target.id end,
  read = read_instance,
  by_hand = instance_by_hand,
  equal = function(current, desired)
    if current == nil or desired == nil then return current == desired end
    return current.snapshot == desired.snapshot and current.status == desired.status
  end,
  write = function(ctx, target, desired, before)
    if desired == nil then return delete_instance(ctx, target, before) end
    create_instance(ctx, target, desired, before)
  end,
  predict = function(_, _, desired)
    return desired
      and {
        id = value.unknown,
        class = value.unknown,
        snapshot = desired.snapshot,
        status = "available",
        address = value.unknown,
        port = value.unknown,
      }
  end,
  show = function(target, before, after)
    local line = "- the temporary server"
    if after then
      line = ("+ a temporary server from the snapshot %s; %s does not change"):format(after.snapshot, target.near)
    end
    return { title = "server " .. target.id, lines = { before and after and "~ wait until it is available" or line } }
  end,
}

-- ---- what scripts see ----

local listing = {
  kind = "rds.snapshots",
  class = "read",
  key = function(target) return target.instance end,
  read = function(ctx, target)
    local list = {}
    for _, one in ipairs(client(ctx):snapshots(target.instance)) do
      if may_use(ctx, one) then list[#list + 1] = one end
    end
    return list
  end,
}

local function snapshots(ctx) return ctx:read("rds.snapshots", { instance = ctx.scope.rds.instance }) end

-- The snapshot of that name; an error says why the tenant has none.
local function find(ctx, id)
  for _, one in ipairs(snapshots(ctx)) do
    if one.id == id then return one end
  end
  local other = client(ctx):snapshot(id)
  if not other then
    errors.input("unknown snapshot " .. id, ("o2x run backup %s list=true lists the snapshots"):format(ctx.tenant.name))
  end
  refuse(
    ctx,
    id,
    other.instance ~= ctx.scope.rds.instance and "belongs to another server: " .. other.instance
      or "is not named after " .. ctx.tenant.name
  )
end

local function newest_before(ctx, time)
  local best
  for _, one in ipairs(snapshots(ctx)) do
    if one.status == "available" and one.created and clock.parse(one.created) <= time then best = one end
  end
  return best
end

local function instance_target(ctx) return { id = rds_client.temporary(ctx.run_id), near = ctx.scope.rds.instance } end

return {
  name = "rds",
  declares = "rds:write",
  types = { snapshot, instance, listing },
  api = function(ctx)
    return {
      --- The snapshots that the tenant may be restored from, oldest first.
      ---@return { id: string, created: string, status: string, type: string, gigabytes: integer }[]
      snapshots = function() return snapshots(ctx) end,

      --- The snapshot of a name. Another tenant's is refused.
      ---@param id string
      ---@return table snapshot
      find = function(id) return find(ctx, id) end,

      --- The newest snapshot that was complete before a time.
      ---@param time number seconds since 1970
      ---@return table? snapshot nil if there is none
      newest_before = function(time) return newest_before(ctx, time) end,

      --- Ensures a snapshot of the platform's server, named after the tenant, and waits until it is complete.
      ---@param id string TENANT-manual-DATE-TIME
      ---@return string outcome
      ensure_snapshot = function(id)
        if not is_own(ctx, id) then refuse(ctx, id, "would not be named after " .. ctx.tenant.name) end
        local target = { id = id, instance = ctx.scope.rds.instance }
        local _, outcome = ctx:effect("rds.snapshot", target, { instance = target.instance, status = "available" })
        return outcome
      end,

      --- Ensures this run's temporary server, restored from a snapshot, and waits until it is available.
      ---@param id string of the snapshot
      ---@return { id: string, class: string, address: string, port: integer } server
      ensure_server = function(id)
        return (ctx:effect("rds.instance", instance_target(ctx), { snapshot = find(ctx, id).id, status = "available" }))
      end,

      --- Deletes this run's temporary server.
      remove_server = function() ctx:effect("rds.instance", instance_target(ctx), nil) end,
    }
  end,
}
