-- The contract of effect types: what a class demands, and what contradicts it.

local contract = require "o2x.engine.contract"
local effects = require "o2x.effects"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"

local MODULE = { name = "x", declares = "x:write" }

local function whole(class, extra)
  local effect_type = {
    kind = "x.y",
    class = class,
    key = tostring,
    read = print,
    write = print,
    by_hand = print,
    guard = "check-and-set",
    undo = { before = "the value", how = "it is written again" },
  }
  for name, item in pairs(extra or {}) do
    effect_type[name] = item
  end
  return effect_type
end

local WHOLE = {
  idempotent = whole "idempotent",
  probed = whole("probed", { probe = print }),
  transactional = whole("transactional", { marker = print }),
  unprovable = whole "unprovable",
  read = { kind = "x.y", class = "read", key = tostring, read = print },
}

local function problem(effect_type, module)
  local ok, err = pcall(contract.check, module or MODULE, effect_type)
  return not ok and err or nil
end

describe("an effect type", function()
  for class, effect_type in pairs(WHOLE) do
    it(
      "of class " .. class .. " loads when it gives all that its class demands",
      function() assert.is_nil(problem(effect_type)) end
    )

    it("of class " .. class .. " does not load without any one of them", function()
      for field in pairs(effect_type) do
        local part = {}
        for name, item in pairs(effect_type) do
          part[name] = name ~= field and item or nil
        end
        assert.is_string(problem(part), class .. " without " .. field)
      end
    end)
  end

  it("does not load with what contradicts its class", function()
    for class, field in pairs { idempotent = "probe", probed = "marker", transactional = "probe", read = "write" } do
      local effect_type = { [field] = print }
      for name, item in pairs(WHOLE[class]) do
        effect_type[name] = item
      end
      assert.equal(("effect type x.y of o2x.x: class %s does not allow %s"):format(class, field), problem(effect_type))
    end
  end)

  it("does not load with a field that nobody reads", function()
    local found = problem(whole("idempotent", { prob = print }))
    assert.matches("prob is not a field of an effect type", found)
  end)

  it("says how a rehearsal brings it, in fields that are known", function()
    -- rehearsal → the problem, nil if there is none
    local rows = {
      { {} },
      { { none = "its content is data" } },
      { { nothing = true, objects = print, all = print, take = print, put = print } },
      { { brings = print }, "rehearsal.brings is not a field" },
      { { none = true }, "rehearsal.none must be a text" },
      { { put = "it" }, "rehearsal.put must be a function" },
    }
    for _, row in ipairs(rows) do
      local effect_type = whole "idempotent"
      effect_type.rehearsal = row[1]
      local found = problem(effect_type)
      assert.equal(row[2], found and found:match(": (.*)"))
    end
  end)

  it("that only reads has no commands that write", function()
    local found = problem { kind = "x.y", class = "read", key = tostring, read = print, by_hand = print }
    assert.equal("effect type x.y of o2x.x: class read does not allow by_hand", found)
  end)

  it("does not load where its module declares no effect", function()
    assert.matches("must declare an effect", problem(WHOLE.idempotent, { name = "x" }))
    assert.is_nil(problem(WHOLE.read, { name = "x" }))
  end)
end)

describe("the effect types of o2x", function()
  it("all keep the contract", function()
    local count = 0
    for _, name in ipairs(effects.NAMES) do
      local module = effects.find(name)
      for _, effect_type in ipairs(module.types or {}) do
        contract.check(module, effect_type)
        count = count + 1
      end
    end
    assert.is_true(count > 25, count .. " types")
  end)

  -- A request to a service about which the script says nothing is the exception.
  it("are provable but for one: a resumed run can go on by itself", function()
    local unprovable = {}
    for _, name in ipairs(effects.NAMES) do
      for _, effect_type in ipairs(effects.find(name).types or {}) do
        if effect_type.class == "unprovable" then unprovable[#unprovable + 1] = effect_type.kind end
      end
    end
    assert.same({ "service.request" }, unprovable)
  end)
end)

-- What people read of an undo, and what o2x undo does, must be the same.
local UNDOS <const> = {
  { "texts alone", { before = "b", how = "restores it" }, true },
  { "a function", { before = "b", how = "restores it", restore = print }, true },
  { "one that is never", { before = "b", how = "not possible", never = true, cannot = "a message" }, true },
  { "one that is needless", { before = "b", how = "not needed: no data change", needless = true }, true },
  { "what goes with it", { before = "b", how = "drops it", contents = true }, true },
  { "a text of what is gone", { before = "b", how = "drops it", gone = "all of it" }, true },
  { "a function of what is gone", { before = "b", how = "drops it", gone = print }, true },
  { "something else of what is gone", { before = "b", how = "drops it", gone = true } },
  { "no text of how", { before = "b" } },
  { "no text of before", { how = "restores it" } },
  { "a word that nobody reads", { before = "b", how = "restores it", restores = print } },
  { "a function that is none", { before = "b", how = "restores it", restore = "yes" } },
  { "never, and how all the same", { before = "b", how = "restores it", never = true, cannot = "c" } },
  { "not possible, and not never", { before = "b", how = "not possible", cannot = "c" } },
  { "never, and a function", { before = "b", how = "not possible", never = true, cannot = "c", restore = print } },
  { "never, and not what", { before = "b", how = "not possible", never = true } },
  { "not needed, and not needless", { before = "b", how = "not needed" } },
  { "needless, and a function", { before = "b", how = "not needed", needless = true, restore = print } },
}

describe("the undo of an effect type", function()
  for _, case in ipairs(UNDOS) do
    it((case[3] and "may have " or "may not have ") .. case[1], function()
      local found = problem(whole("idempotent", { undo = case[2] }))
      if case[3] then return assert.is_nil(found) end
      assert.matches("undo", found)
    end)
  end

  it("is known for every type that writes", function()
    local count = 0
    for _, name in ipairs(effects.NAMES) do
      for _, one in ipairs(effects.find(name).types or {}) do
        if one.class ~= "read" then count = count + 1 end
        assert.equal(one.class ~= "read", one.undo ~= nil, one.kind)
      end
    end
    assert.is_true(count > 25)
  end)
end)

-- Target of a removal → what no undo brings back. What is not here comes back.
local GONE <const> = {
  { "pg.database", {}, "the database, with all that is in it" },
  { "pg.database", { aside = "x--R-1" } },
  { "pg.restored", {}, "the copy; its archive has the same" },
  { "pg.archive", {}, "the archive" },
  { "s3.object", {}, "the object" },
  { "rds.snapshot", {}, "the snapshot" },
  { "rds.instance", {} },
  { "k8s.secret", {}, "the content of the Secret" },
  { "k8s.object", {} },
  { "helm.release", { purge = true }, "the release and its history" },
  { "helm.release", {} },
  { "vault.secret", { with_metadata = true }, "the secret, with all its versions" },
  { "vault.secret", {} },
  { "webhook.message", {}, "a sent message" },
}

describe("what a change takes for good", function()
  local types = {}
  for _, name in ipairs(effects.NAMES) do
    for _, one in ipairs(effects.find(name).types or {}) do
      types[one.kind] = one
    end
  end

  it("is known of a row whose secret gets another value, and of no other", function()
    local row, old, new = types["pg.row"], secret.new("one-secret", "old"), secret.new("another-secret", "new")
    local function lost(before, desired) return contract.irreversible(row, {}, before, desired) end
    assert.equal("the secret in key", lost({ key = old, n = 1 }, { key = new, n = 1 }))
    assert.is_nil(lost({ key = old, n = 1 }, { key = old, n = 2 }))
    assert.is_nil(lost({ key = json.null, n = 1 }, { key = new, n = 2 }))
  end)

  for _, case in ipairs(GONE) do
    it(("is known of %s: %s"):format(case[1], case[3] or "nothing"), function()
      local one = types[case[1]]
      assert.equal(case[3], contract.irreversible(one, case[2], { is = "there" }, nil))
      if not one.undo.never then
        local overwritten = contract.irreversible(one, case[2], { is = "there" }, { is = "other" })
        assert.equal(one.kind == "k8s.secret" and "the content of the Secret" or nil, overwritten)
        assert.is_nil(contract.irreversible(one, case[2], nil, { is = "new" }))
      end
    end)
  end
end)
