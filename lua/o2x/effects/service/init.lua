--- A service of the tenant, reached over its HTTP interface. What only reads is a call or a query; everything else is
--- an effect, planned and journaled: an object that one request finds and another creates, a request that is sent, a
--- test, a login. Runbooks: require "o2x.service". A request with `service` goes through the API server's proxy, so no
--- port is forwarded. A request with `url` goes the way that clients go. A request with a session needs a `url`: the
--- API server does not forward the Authorization header.

local by_hand = require "o2x.effects.service.by_hand"
local errors = require "o2x.base.error"
local requests = require "o2x.effects.service.requests"
local send = require "o2x.effects.service.send"
local session = require "o2x.effects.service.session"

-- A service's objects can exist only if its release does.
local function release_of(target) return "helm.release", { name = target.service } end

-- An answer that is an error is no answer to the question.
local function ask(ctx, checked, op)
  local response = requests.send(ctx, checked)
  local wrong = op == "create" and type(response.json) == "table" and response.json.errors
  if response.status >= 300 or wrong then requests.fail(checked, response, op) end
  return response
end

local function missing(target)
  errors.raise {
    kind = "failed",
    module = "service",
    op = "create",
    message = target.name .. " does not exist, although an earlier step should have created it",
  }
end

-- What the service makes by itself, of what an earlier step creates, is not the run's to create: a plan lists it.
local function predict(ctx, target)
  if not target.create then
    if not ctx:planned() then missing(target) end
    errors.raise { kind = "refused", code = "when_applied", message = target.name .. " is made by the service itself" }
  end
  return { id = ctx:known_later(by_hand.name(target.name)) }
end

local object = {
  kind = "service.object",
  rights = { kubernetes = { "get,create own services/proxy" } },
  class = "idempotent",
  guard = "none: only the service knows a condition; what is there is not changed, and the object is looked for again",
  record = function(target) return { service = target.service, name = target.name } end,
  undo = {
    before = "whether the object existed",
    how = "not possible",
    never = true,
    cannot = "an object of a service: only the service can remove it",
  },
  key = function(target) return target.service .. ": " .. target.name end,
  read = function(ctx, target)
    if not target.find then
      errors.raise {
        kind = "unknown",
        module = "service",
        op = "find",
        message = target.name .. ": only the step that created it can look for it",
      }
    end
    local found = requests.pick(ask(ctx, target.find, "find").json, target.found)
    return found ~= nil and { id = found } or nil
  end,
  equal = function(current, desired) return (current == nil) == (desired == nil) end,
  write = function(ctx, target)
    if not target.create then missing(target) end
    ask(ctx, target.create, "create")
  end,
  predict = predict,
  by_hand = function(ctx, target) return by_hand.object(ctx, target) end,
  show = function(target, before)
    return { title = target.service .. ": " .. target.name, lines = { (before and "  " or "+ ") .. target.name } }
  end,
  parent = release_of,
}

-- What needs a login is not known in a plan: it is listed there, and done when the run is applied.
local function ensure(ctx, given)
  requests.only(given, "service.ensure", { "name", "service", "find", "found", "create" })
  for _, field in ipairs { "name", "service", "found" } do
    if type(given[field]) ~= "string" then errors.input(("service.ensure: %s must be a text"):format(field)) end
  end
  local target = {
    name = given.name,
    service = given.service,
    find = requests.check_read(ctx, given.find),
    found = given.found,
    create = given.create ~= nil and requests.check(ctx, given.create, "send") or nil,
  }
  local found = requests.effect(ctx, "service.object", target, { present = true }, object.key(target))
  if not found then return ctx:known_later(by_hand.name(target.name)) end
  return found.id
end

local function test(ctx, given)
  local checked = requests.check(ctx, given, "test")
  ctx:look(function() return { by_hand.command(ctx, checked) } end)
  ctx:announce("service:write", ("test: POST %s"):format(checked.to))
  return requests.send(ctx, checked)
end

local function api(ctx)
  return {
    --- Ensures an object of a service. In a plan, what needs a session is listed, not looked for.
    ---@param options { name: string, service: string, find: table, found: string, create: table? } find: a request as
    ---  for call, or as for query; create: a request as for send
    ---@return any id the value at `found` in the answer to find
    ensure = function(options) return ensure(ctx, options) end,

    --- Sends a GET, HEAD or OPTIONS request: it changes nothing. After a lost answer, and while the service says that
    --- it is overloaded or not available, it is sent again within retry.seconds.
    ---@param request { service: string?, port: integer?, path: string?, url: string?, method: string?,
    ---  headers: table?, session: table?, timeout: number?, once: boolean? } once: send it only once
    ---@return { status: integer, headers: table, body: string, json: any }
    call = function(request) return requests.send(ctx, requests.check(ctx, request, "call")) end,

    --- Sends a GraphQL query: it changes nothing. Any other operation in the document is refused, and so is a path at
    --- which the platform serves no GraphQL.
    ---@param request { service: string?, port: integer?, path: string?, url: string?, query: string, variables: table?,
    ---  operation: string?, headers: table?, session: table?, timeout: number?, once: boolean? } operation: which one
    ---  of several; once: as for call
    ---@return { status: integer, headers: table, body: string, json: any }
    query = function(request) return requests.send(ctx, requests.check(ctx, request, "query")) end,

    --- Sends a request that changes something: POST, PUT, PATCH or DELETE. A plan shows it and does not send it. If the
    --- run breaks off while it is sent, nobody knows whether it took effect, and the run cannot go on, unless there is
    --- a proof, or the request is repeatable.
    ---@param request { service: string?, port: integer?, path: string?, url: string?, method: string?, json: any,
    ---  headers: table?, session: table?, timeout: number?, name: string?, result: string?, proof: table?,
    ---  repeatable: boolean? } method: POST by default; name: for people; result: where the answer has what is kept of
    ---  it; proof: { find = a request as for call or query, found = where its answer shows the effect, shows = which
    ---  value, any by default, within = seconds that it may take, 30 by default }: with the proof there, nothing is
    ---  sent; repeatable: sending it twice is like sending
    ---  it once
    ---@return { status: integer?, result: any } answer of a proved request: what the proof shows
    send = function(request) return send.send(ctx, request) end,

    --- Asks a service by POST to test something, such as its connection to a provider; nothing lasting may come of it.
    --- A check may do so. It needs the word service:write, and a plan lists the check instead.
    ---@param request { service: string?, port: integer?, path: string?, url: string?, json: any, headers: table?,
    ---  session: table?, timeout: number? }
    ---@return { status: integer, headers: table, body: string, json: any }
    test = function(request) return test(ctx, request) end,

    --- A session with a service that issues tokens, for requests. It logs in at its first use, once: a refused login is
    --- not tried again. It needs the word service:write, and a plan does not log in: it lists what would need it.
    ---@param options { service: string?, port: integer?, path: string?, url: string?, json: table|fun(): table,
    ---  token: string, refused: string? } token: its place in the answer; refused: what to do if the login is
    ---@return { login: function } session
    session = function(options) return session.new(ctx, options) end,
  }
end

-- Where a request may hold secrets, and where it is within the arguments of ensure and send.
local IN_REQUEST <const> = { "^headers%.[^.]+$", "^json%.", "^json$", "^variables%." }

local function within(...)
  local patterns = {}
  for _, field in ipairs { ... } do
    for _, pattern in ipairs(IN_REQUEST) do
      patterns[#patterns + 1] = "^" .. field .. pattern:sub(2)
    end
  end
  return patterns
end

return {
  name = "service",
  declares = "service:write",
  secrets = {
    ensure = within("find%.", "create%."),
    send = within("", "proof%.find%."),
    call = IN_REQUEST,
    query = IN_REQUEST,
    test = IN_REQUEST,
    session = IN_REQUEST,
  },
  types = { object, table.unpack(send.TYPES) },
  api = api,
}
