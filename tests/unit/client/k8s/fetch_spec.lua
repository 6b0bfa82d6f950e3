local errors = require "o2x.base.error"
local fetch = require "o2x.client.k8s.fetch"
local grants = require "o2x.client.k8s.grants"
local json = require "o2x.base.json"
local memo = require "o2x.base.memo"
local raised = require "tests.support.raised"

local DEPLOYMENT <const> = { kind = "Deployment", group = "apps", api_version = "apps/v1", plural = "deployments" }
local SECRET <const> = { kind = "Secret", group = "", api_version = "v1", plural = "secrets" }

-- A cluster: objects under the tenant's label, and others. `log` has the requests.
local function cluster(o)
  local client = { log = {}, shares = not o.run, shared = memo.new(math.huge), grants = grants.new(o.spec) }
  for name, method in pairs(fetch) do
    client[name] = method
  end
  function client:list(kind)
    self.log[#self.log + 1] = "list " .. kind.kind
    if o.problem then errors.raise { kind = o.problem, module = "k8s", message = "no" } end
    local items = {}
    for _, name in ipairs(o.labelled or {}) do
      items[#items + 1] = { metadata = { name = name } }
    end
    return items
  end
  function client:place(kind, name) return nil, name, ("%s %s"):format(kind.kind, name) end
  function client:send(_, name)
    self.log[#self.log + 1] = "get Secret " .. name
    local body = json.encode { metadata = { name = name }, data = { key = "dGV4dA==" } }
    return { status = name == "gone" and 404 or 200, headers = {}, body = body }
  end
  function client:get(kind, name)
    self.log[#self.log + 1] = ("get %s %s"):format(kind.kind, name)
    return name ~= "gone" and { metadata = { name = name } } or nil
  end
  return client
end

local function names(client, resource, ...)
  local references = {}
  for i, name in ipairs { ... } do
    references[i] = { resource = resource, namespace = "prod", name = name }
  end
  local found = client:fetch(references)
  for i, object in ipairs(found) do
    found[i] = object and object.metadata.name
  end
  return found
end

local SPEC <const> = { namespace = "prod", names = { "a", "b" }, label = { "tenant", "t1" } }

describe("objects", function()
  it("of one kind are read by one list, until something is changed", function()
    local client = cluster { spec = SPEC, labelled = { "a", "b" } }
    assert.same({ "a", "b" }, names(client, DEPLOYMENT, "a", "b"))
    assert.same({ "b" }, names(client, DEPLOYMENT, "b"))
    assert.same({ "list Deployment" }, client.log)
    client:forget()
    names(client, DEPLOYMENT, "b")
    assert.equal(2, #client.log)
  end)

  it("are read one by one in a run, however often", function()
    local client = cluster { spec = SPEC, labelled = { "a", "b" }, run = true }
    assert.same({ "a" }, names(client, DEPLOYMENT, "a"))
    assert.same({ "a" }, names(client, DEPLOYMENT, "a"))
    assert.same({ "get Deployment a", "get Deployment a" }, client.log)
  end)

  it("that the list does not have are read by themselves, and may be missing", function()
    local client = cluster { spec = SPEC, labelled = { "a" } }
    assert.same({ "b", "a", false }, names(client, DEPLOYMENT, "b", "a", "gone"))
    table.sort(client.log)
    assert.same({ "get Deployment b", "get Deployment gone", "list Deployment" }, client.log)
  end)

  it("that are Secrets are never listed", function()
    local client = cluster { spec = SPEC, labelled = { "a" } }
    assert.same({ "a" }, names(client, SECRET, "a"))
    assert.same({ "get Secret a" }, client.log)
  end)

  it("that are Secrets have hashes in the place of their texts", function()
    local client = cluster {}
    local found = client:fetch { { resource = SECRET, namespace = "prod", name = "a" } }
    assert.same({ key = client.hash "dGV4dA==" }, found[1].data)
    assert.is_nil(json.encode(found[1]):find("dGV4dA", 1, true))
    assert.same({ false }, names(client, SECRET, "gone"))
  end)

  it("are read by themselves without a label to list by", function()
    for _, spec in ipairs { false, { namespace = "prod", names = { "a" } } } do
      local client = cluster { spec = spec or nil }
      assert.same({ "a" }, names(client, DEPLOYMENT, "a"))
      assert.same({ "get Deployment a" }, client.log)
    end
  end)

  it("are read by themselves with credentials that may not list", function()
    for _, problem in ipairs { "unauthorised", "refused" } do
      local client = cluster { spec = SPEC, problem = problem }
      assert.same({ "a" }, names(client, DEPLOYMENT, "a"))
    end
    local client = cluster { spec = SPEC, problem = "unreachable" }
    assert.equal("unreachable", raised(names, client, DEPLOYMENT, "a").kind)
  end)
end)
