local guide = require "o2x.engine.guide"
local json = require "o2x.base.json"
local origin = require "o2x.base.origin"
local secret = require "o2x.base.secret"
local shell = require "o2x.base.shell"
local unknown = require "o2x.base.unknown"
local value = require "o2x.base.value"

local function effect_type(by_hand) return { kind = "thing", key = tostring, by_hand = by_hand } end

-- Adds an effect to a checklist, and gives its item.
local function add(list, by_hand, found)
  found = found or {}
  found.path, found.key, found.target = "A step", "thing", "thing"
  list:effect({}, effect_type(by_hand), found)
  return list.items[#list.items]
end

describe("a checklist", function()
  it("has a box for each effect: done, to do, or not known", function()
    local list = guide.new()
    local function lines() return { "do it" } end
    assert.equal("done", add(list, lines, { outcome = "unchanged", before = 1, after = 1 }).state)
    assert.equal("todo", add(list, lines, { outcome = "created", desired = 1, after = 1 }).state)
    assert.equal("unknown", add(list, lines, { desired = 1, problem = "no answer" }).state)
    assert.same({ 1, 1, 1 }, { list:count "done", list:count "todo", list:count "unknown" })
    assert.same({}, list.items[1].lines)
    assert.same({ "do it" }, list.items[2].lines)
    assert.equal("ensure", list.items[3].what)
  end)

  it("says that nobody knows what is there, where nobody could look", function()
    local seen
    add(guide.new(), function(_, _, _, before)
      seen = before
      return {}
    end, { desired = 1 })
    assert.is_true(value.is_unknown(seen))
  end)

  it("goes on where a command cannot be told", function()
    local item = add(guide.new(), function() error("no such chart", 0) end, { outcome = "created", desired = 1 })
    assert.equal(1, #item.lines)
    assert.matches("^# the command cannot be told: .*no such chart", item.lines[1])
  end)

  it("has comments before their lines", function()
    local item = add(
      guide.new(),
      function() return { { comment = "why", line = "do it" }, { comment = "only that" } } end
    )
    assert.same({ "# why", "do it", "# only that" }, item.lines)
  end)
end)

describe("a secret of a checklist", function()
  it("is asked for once if only a person has it", function()
    local one = secret.new("s3cret", "stripe/api_key")
    local list = guide.new("/secrets/a.yaml", { stripe = { api_key = one } })
    local item = add(
      list,
      function() return { shell.quote(list:filled(one)) } end,
      { outcome = "created", desired = one }
    )
    assert.same({ '"${STRIPE_API_KEY:?}"' }, item.lines)
    assert.same({ { name = "STRIPE_API_KEY", label = "stripe/api_key", source = "/secrets/a.yaml" } }, list.typed)
    list:filled { a = one }
    assert.equal(1, #list.typed)
  end)

  it("is set by a line before its first use, and by no second one", function()
    local made = origin.note(secret.random(20, nil, "admin/password"), { how = "generated", length = 20 })
    local hash = origin.note(secret.new("$2b$hash", "bcrypt hash"), { how = "bcrypt", of = made })
    local list = guide.new()
    local function by_hand(given)
      return function() return { "use " .. shell.quote(list:filled(given)) } end
    end
    local first = add(list, by_hand(hash)).lines
    assert.equal(3, #first)
    assert.matches("^ADMIN_PASSWORD=%$%(openssl rand .* && export ADMIN_PASSWORD$", first[1])
    assert.matches('^ADMIN_PASSWORD_HASH=.*"%${ADMIN_PASSWORD:%?}" | htpasswd', first[2])
    assert.equal('use "${ADMIN_PASSWORD_HASH:?}"', first[3])
    assert.same({ 'use "${ADMIN_PASSWORD:?}"' }, add(list, by_hand(made)).lines)
    assert.same({}, list.typed)
  end)

  it("is read from Vault if it is there", function()
    local of = { how = "vault", mount = "secret", path = "tenant/a/admin", field = "password" }
    local list = guide.new()
    local one = origin.note(secret.new("in vault", "x"), of)
    local lines = add(list, function() return { shell.quote(list:filled(one)) } end).lines
    local get = "vault kv get -mount=secret -field=password tenant/a/admin"
    assert.equal(("ADMIN_PASSWORD=$(%s) && export ADMIN_PASSWORD"):format(get), lines[1])
  end)

  it("has a name of its own", function()
    local list = guide.new()
    local one, other = secret.new("first one", "a/key"), secret.new("second one", "a.key")
    assert.equal('"${A_KEY:?}" "${A_KEY_2:?}"', shell.command { list:filled(one), list:filled(other) })
  end)

  it("is a variable in a text that would be masked", function()
    local one = secret.new("7654321_SB1", "netsuite/account")
    local list = guide.new("f", { netsuite = { account = one } })
    assert.equal('"${NETSUITE_ACCOUNT:?}"', shell.quote(list:filled({ realm = "7654321_SB1" }).realm))
  end)
end)

describe("a value of a checklist", function()
  it("is itself if there is nothing to fill in", function()
    local list, given = guide.new(), { a = { 1, 2 }, b = json.array {} }
    assert.equal(given, list:filled(given))
  end)

  it("that a command sets is its variable", function()
    local list = guide.new()
    local filled = list:filled { { id = unknown.named "ORDER" }, 2 }
    assert.equal('"${ORDER:?}"', shell.quote(filled[1].id))
    assert.equal(2, filled[2])
  end)
end)

describe("a check of a checklist", function()
  it("says by which commands a person sees the same, each once", function()
    local list = guide.new()
    list:look("A step", "it answers", function()
      for _ = 1, 2 do
        guide.note_look(function() return { "curl x" } end)
      end
      return true
    end, false)
    assert.same({ "curl x" }, list.items[1].lines)
    assert.equal("done", list.items[1].state)
  end)

  it("that fails has its commands all the same", function()
    local list = guide.new()
    local ok = list:look("A step", "it answers", function()
      guide.note_look(function() return { "curl x" } end)
      error("no answer", 0)
    end, true)
    assert.is_false(ok)
    assert.same({ "curl x" }, list.items[1].lines)
    assert.equal("later", list.items[1].state)
  end)

  it("costs a run nothing", function()
    guide.note_look(function() error "is not asked for" end)
  end)
end)
