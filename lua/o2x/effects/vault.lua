--- Secrets in Vault for runbooks. Scripts use paths below their tenant's; values that they did not set themselves are
--- secrets to them.

local errors = require "o2x.base.error"
local guard = require "o2x.base.guard"
local origin = require "o2x.base.origin"
local secret = require "o2x.base.secret"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local value = require "o2x.base.value"

-- table of fields → the version that it was read from; a write requires that version (check-and-set). Target → the
-- newest version as it was read: a deleted secret has one, too.
local versions, newest = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" })

-- What the tenant's file says of a secret's fields, by the platform: they are public.
local function filed(ctx, target)
  local base = ctx.scope and ctx.scope.vault and ctx.scope.vault[1]
  local tenant, path = ctx.tenant, base and target.path:sub(#base + 1)
  local public = path and tenant and (tenant.public_fields or {})[path]
  -- Where the tenant's file is made of what is there, so is what a secrets file would count as a secret.
  local known = path and tenant and tenant.adopting and (tenant.known_fields or {})[path]
  return public or known or {}
end

-- Ends the secrets of what is no secret: the tenant's own names, what its file says of this very field, and the text
-- that the script gave for it. As a secret, it would be masked in every line of the log. A text for another field says
-- nothing about this one: a script could guess.
local function publish(ctx, target, fields)
  local tenant, given, known = ctx.tenant or {}, target.public or {}, filed(ctx, target)
  for name, field in pairs(fields) do
    local public =
      { given = given[name], file = known[name], name = tenant.name, id = tenant.id, environment = tenant.environment }
    for _, text in pairs(public) do
      local is_text = type(text) == "string" -- a journal of before may have it masked
      if is_text and secret.is(fields[name]) and secret.equal(field, text) then
        secret.wipe(field)
        fields[name] = text
      end
    end
  end
end

local function mount_of(ctx) return ctx.config.vault and ctx.config.vault.mount or "secret" end

local function read(ctx, target)
  local client = ctx:client "vault"
  local fields, version = ctx:once("vault " .. target.path, client.read, client, target.path)
  newest[target] = version
  if not fields then return nil end
  publish(ctx, target, fields)
  for name, field in pairs(fields) do
    if secret.is(field) then
      origin.note(field, { how = "vault", mount = mount_of(ctx), path = target.path, field = name })
    end
  end
  versions[fields] = version
  return fields
end

-- Do the current fields include the desired ones? A service may keep fields of its own in the same secret.
local function merged(there, wanted)
  local all = {}
  for name, field in pairs(there or {}) do
    all[name] = field
  end
  for name, field in pairs(wanted) do
    all[name] = field
  end
  return all
end

-- Fields that are all that the secret shall have: an undo removes what the run added.
local all = setmetatable({}, { __mode = "k" })

local function equal(current, desired)
  for name, field in pairs(desired) do
    if not value.equal(current[name], field) then return false end
  end
  for name in pairs(all[desired] and current or {}) do
    if desired[name] == nil then return false end
  end
  return true
end

local function is_outdated(err) return err.kind == "conflict" end

local function refuse_another(client, target, version)
  local _, now = client:read(target.path)
  if now ~= version then guard.refuse("vault", target.key) end
end

-- A newer version that somebody wrote meanwhile stays the newest. Where the token may not delete by number, and where
-- all versions go, looking right before it is the best there is.
local function remove(client, target, version)
  if target.with_metadata then
    refuse_another(client, target, version)
    return client:remove(target.path)
  end
  local ok, err = pcall(client.delete_version, client, target.path, version)
  if ok then return end
  if not errors.is(err) or err.kind ~= "unauthorised" then error(err, 0) end
  refuse_another(client, target, version)
  client:delete(target.path)
end

local function write(ctx, target, desired, before)
  local client = ctx:client("vault")
  local version = before and versions[before] or newest[target]
  if desired == nil then return remove(client, target, version) end
  if target.undelete then return client:undelete(target.path, { target.undelete }) end
  local wanted = all[desired] and desired or merged(before, desired)
  return { version = guard.run(is_outdated, client.put, client, target.path, wanted, { cas = version }) }
end

-- What others have added to a new secret stays.
local function rest_of(past)
  local rest = {}
  for name, field in pairs(past.now or {}) do
    if past.desired[name] == nil then rest[name] = field end
  end
  all[rest] = true
  return next(rest) ~= nil and rest or nil
end

-- The version before becomes the newest: its fields are read and written again, or it is undeleted. A secret that the
-- run began goes with its metadata; where there was an earlier one, deleted, it is deleted again.
local function restore(ctx, past)
  local path, version = past.target.path, past.reference and past.reference.version
  local target = { path = path, key = past.target.key, public = past.target.public }
  if past.before == nil then
    local rest = past.desired and rest_of(past)
    target.with_metadata = not rest and past.info and past.info.version == 1 or nil
    return { target = target, desired = rest }
  end
  local fields, _, metadata = ctx:client("vault"):read(path, version)
  if fields then
    publish(ctx, target, fields) -- else what the script gave would be a secret from now on, also in the target
    all[fields] = true
    return { target = target, desired = fields }
  end
  if not metadata or metadata.destroyed or past.now then
    return nil, ("Vault does not have version %s of it any more"):format(tostring(version))
  end
  target.undelete = version
  return { target = target, desired = past.before, by_tags = true }
end

-- Never shows a value; the tags of a changed one show that it did change.
local function line(name, old, new)
  local function tag(field)
    if secret.is(field) then return secret.fingerprint(field):sub(1, 8) end
    return type(field) == "table" and field.fp and field.fp:sub(1, 8) or "…" -- as the journal has it
  end
  if old == nil then return ("+ %s: (set)"):format(name) end
  if new == nil then return ("- %s"):format(name) end
  if value.equal(old, new) then return ("  %s: (same)"):format(name) end
  return ("~ %s: (changed, %s → %s)"):format(name, tag(old), tag(new))
end

local function show(target, before, after)
  local lines = {}
  for i, name in ipairs(sorted_keys(after or before or {})) do
    lines[i] = line(name, before and before[name], after and after[name])
  end
  return { title = target.key, lines = lines }
end

-- The fields come as JSON by standard input: no secret is in a command line, and no value is read as a file's name.
local function by_hand(ctx, target, desired, before)
  local mount, path = "-mount=" .. mount_of(ctx), target.path
  if desired == nil then return { shell.command { "vault", "kv", "delete", mount, path } } end
  local is_known = before ~= nil and not value.is_unknown(before)
  local fields = {}
  for _, name in ipairs(sorted_keys(desired)) do
    if not (is_known and value.equal(before[name], desired[name])) then fields[name] = ctx:filled(desired[name]) end
  end
  local patch = shell.with_json(fields, shell.command { "vault", "kv", "patch", mount, path, "-" })
  local put = shell.with_json(fields, shell.command { "vault", "kv", "put", mount, path, "-" })
  if not value.is_unknown(before) then return { before and patch or put } end
  return { { comment = "if there is no such secret yet, put instead of patch", line = patch } }
end

local SECRET <const> = {
  kind = "vault.secret",
  rights = { vault = { "create", "read", "update" } },
  secrets = "stored",
  class = "idempotent",
  guard = "check-and-set with the version that was read; a deletion names it",
  undo = {
    before = "a tag of each field that the run sets; the version by reference",
    how = "makes Vault's earlier version the newest; removes a new secret with its metadata",
    cannot = "a version that Vault does not keep any more",
    gone = function(target) return target.with_metadata and "the secret, with all its versions" or nil end,
    rights = { vault = { "metadata:delete" } },
    traces = function(_, back)
      return not back.target.with_metadata and "Vault keeps the versions in between, and counts on from them" or nil
    end,
    restore = restore,
  },
  reference = function(_, _, before) return before and { version = versions[before] } end,
  info = function(_, _, after) return { version = after and versions[after] } end,
  key = function(target) return target.key end,
  read = read,
  write = write,
  equal = equal,
  image = function(fields, desired)
    if desired == nil then return fields end
    local set = {}
    for name in pairs(desired) do
      set[name] = fields[name]
    end
    return set
  end,
  predict = function(_, _, desired, before)
    if desired == nil or all[desired] then return desired end
    return merged(before, desired)
  end,
  show = show,
  by_hand = by_hand,
  look = function(ctx, target)
    return { shell.command { "vault", "kv", "metadata", "get", "-mount=" .. mount_of(ctx), target.path } }
  end,
}

-- A script's path is below the tenant's folder.
local function target_of(ctx, path, public)
  local base = ctx.scope.vault and ctx.scope.vault[1]
  if not base then ctx:refuse("the grants of this run have no path in Vault") end
  local full = base .. path
  return { path = full, key = ("%s/%s"):format(mount_of(ctx), full), public = public }
end

-- All secrets below the tenant's folders; what was deleted has only metadata there.
local function list(ctx)
  local client, found = ctx:client "vault", {}
  local mount = ctx.config.vault and ctx.config.vault.mount or "secret"
  local function add(folder)
    for _, name in ipairs(client:list((folder:gsub("/$", "")))) do
      local path = folder .. name
      if name:sub(-1) == "/" then
        add(path)
      else
        local target = { path = path, key = ("%s/%s"):format(mount, path) }
        local command = { "vault", "kv", "metadata", "delete", "-mount=" .. mount, path }
        if read(ctx, target) then found[#found + 1] = { target = target, remove = shell.command(command) } end
      end
    end
  end
  for _, folder in ipairs(ctx.scope.vault or {}) do
    add(folder)
  end
  return found
end

SECRET.list = list

-- The folders of all tenants; of a tenant without a file, the secrets in them. Only names are read.
local function all_names(ctx, orphan)
  local client, found = ctx:client "vault", {}
  local mount = ctx.config.vault and ctx.config.vault.mount or "secret"
  local function add(tenant, folder)
    for _, name in ipairs(client:list((folder:gsub("/$", "")))) do
      local path = folder .. name
      local command = shell.command { "vault", "kv", "metadata", "delete", "-mount=" .. mount, path }
      if name:sub(-1) == "/" then
        add(tenant, path)
      else
        found[#found + 1] = { name = tenant, title = ("%s/%s"):format(mount, path), remove = command }
      end
    end
  end
  for _, base in ipairs(ctx.scope.vault) do
    for _, name in ipairs(client:list((base:gsub("/$", "")))) do
      local tenant = name:match "^(.*)/$"
      if tenant and orphan(tenant) then add(tenant, base .. name) end
    end
  end
  return found
end

SECRET.names = all_names

local PLAIN <const> = { string = true, number = true, boolean = true }

-- A field as Vault's own clients write it: a string.
local function field_text(path, name, field)
  if PLAIN[type(field)] then return tostring(field) end
  errors.raise {
    kind = "input",
    module = "vault",
    op = "ensure",
    message = ("vault.ensure(%q): field %s is a %s, not a text or a secret"):format(path, tostring(name), type(field)),
    hint = "json.encode makes a text of a table",
  }
end

-- The desired fields: those that the script sets, and generated values for missing ones.
local function desire(path, current, fields, generate)
  local desired = {}
  for name, field in pairs(fields) do
    local kept = secret.is(field) or value.is_unknown(field)
    desired[name] = kept and field or field_text(path, name, field)
  end
  for name, length in pairs(generate or {}) do
    if desired[name] == nil then desired[name] = current and current[name] end
    if desired[name] == nil then
      local made = secret.random(length, nil, ("%s/%s"):format(path, name))
      desired[name] = origin.note(made, { how = "generated", length = length })
    end
  end
  return desired
end

-- Field → the text that the script gave for it.
local function clear_texts(fields)
  local texts = {}
  for name, field in pairs(fields) do
    if PLAIN[type(field)] then texts[name] = tostring(field) end
  end
  return texts
end

local function api(ctx)
  return {
    --- Ensures that a secret has these fields. Its other fields stay as they are.
    ---@param path string below the tenant's: "quickbooks"
    ---@param fields table<string, string|userdata>
    ---@param options { generate: table<string, integer> }? generate: fields to generate if missing → number of
    ---  characters
    ---@return table fields all current ones
    ensure = function(path, fields, options)
      local target = target_of(ctx, path, clear_texts(fields))
      local current = ctx:read("vault.secret", target)
      return (ctx:effect("vault.secret", target, desire(path, current, fields, options and options.generate)))
    end,

    --- The names of a secret's fields. What they hold is not kept.
    ---@param path string below the tenant's own
    ---@return string[]|nil names sorted; nil if there is no such secret
    fields = function(path)
      local client = ctx:client "vault"
      local found = ctx:ask("vault", client.read, client, target_of(ctx, path).path)
      if not found then return nil end
      local names = sorted_keys(found)
      for _, field in pairs(found) do
        if secret.is(field) then secret.wipe(field) end
      end
      return names
    end,

    --- Tests a token of the services: is it valid, for how long, and can it read this secret?
    ---@param token userdata
    ---@param path string below the tenant's own
    ---@return { valid: boolean, ttl: integer?, readable: boolean } ttl: seconds; 0: it does not expire
    try_token = function(token, path)
      local client = ctx:client "vault"
      return ctx:ask("vault", client.try_token, client, token, target_of(ctx, path).path)
    end,

    --- Reads a secret.
    ---@param path string below the tenant's own
    ---@return table|nil fields values are secrets
    ---@return integer|nil version
    read = function(path)
      local fields = ctx:read("vault.secret", target_of(ctx, path))
      return fields, fields and versions[fields]
    end,
  }
end

return {
  name = "vault",
  declares = "vault:write",
  secrets = { ensure = { "^[^.]+$", stored = 2 }, try_token = true },
  types = { SECRET },
  api = api,
}
