--- Reads many objects. In a plan, which is one look at the cluster, a list of a kind serves all of the tenant's
--- objects in it, and all readers; only what no list has is read by itself. A run reads each object when it comes to
--- it: what a list said earlier may not be true any more. Methods of the client (o2x.k8s).

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local status = require "o2x.client.k8s.status"
local task = require "o2x.base.task"

local Client = {}

local CONCURRENCY <const> = 4 -- reads of single objects

---@class o2x.k8s.reference
---@field resource table of client:resource
---@field namespace string? nil for a kind that has none
---@field name string

--- Forgets what readers share: something was changed.
function Client:forget() self.shared:forget() end

local function is_secret(resource) return resource.kind == "Secret" and resource.group == "" end

local function kind_of(resource) return { apiVersion = resource.api_version, kind = resource.kind } end

-- Credentials may read an object by its name and yet not list its kind.
local function may_not_list(err) return errors.is(err) and (err.kind == "unauthorised" or err.kind == "refused") end

-- A list that serves all who ask for it while it counts.
local function shared_list(client, resource, namespace, selector)
  local asked = client.grants:selector(resource, namespace, selector)
  local key = ("k8s list %s/%s %s %s"):format(resource.api_version, resource.plural, namespace, asked)
  return client.shared:get(key, function()
    local items, by_name = client:list(kind_of(resource), { namespace = namespace, selector = selector }), {}
    for _, item in ipairs(items) do
      by_name[item.metadata.name] = item
    end
    return items, by_name
  end)
end

--- Lists objects, as list does, together with all others who ask for the same while the answer counts. The objects
--- must not be changed.
---@param kind string|table
---@param o { namespace: string?, selector: string? }?
---@return table[] items
function Client:list_shared(kind, o)
  local resource = self:resource(kind)
  local namespace = resource.namespaced and (o and o.namespace or self.namespace) or nil
  return (shared_list(self, resource, namespace, o and o.selector))
end

-- The tenant's objects of a kind, by name; an empty table where they cannot be listed. Lists of Secrets are left out:
-- they would hold those of others in the clear.
local function listed(client, resource, namespace)
  local label = client.grants.spec and client.grants.spec.label
  if not client.shares or not label or not namespace or is_secret(resource) then return {} end
  local ok, items, by_name = pcall(shared_list, client, resource, namespace)
  if ok then return by_name end
  if not may_not_list(items) then error(items, 0) end
  return {}
end

-- A Secret with hashes in the place of its data.
local function hashed(client, one)
  local _, path, what = client:place(kind_of(one.resource), one.name, one.namespace, true)
  local response = client:send("GET", path, {})
  if response.status == 404 then return nil end
  local object = json.read(status.check(what, response, "get").body, what)
  for name, text in pairs(object.data or {}) do
    object.data[name] = Client.hash(text)
  end
  return object
end

--- What stands for a value of a Secret in what fetch returns: enough to compare it.
---@param text string base64
---@return string
function Client.hash(text) return crypto.sha256(text) end

--- Reads objects. The values of a Secret's `data` come out as hashes of the base64. The objects are shared with other
--- readers: they must not be changed.
---@param references o2x.k8s.reference[]
---@return (table|false)[] objects in the order of the references; false for one that does not exist
function Client:fetch(references)
  return task.each(references, function(one)
    if is_secret(one.resource) then return hashed(self, one) or false end
    return listed(self, one.resource, one.namespace)[one.name]
      or self:get(kind_of(one.resource), one.name, one.namespace)
      or false
  end, { limit = CONCURRENCY })
end

return Client
