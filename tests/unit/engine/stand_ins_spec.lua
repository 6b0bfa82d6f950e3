local json = require "o2x.base.json"
local plain = require "o2x.base.plain"
local secret = require "o2x.base.secret"
local stand_ins = require "o2x.engine.stand_ins"

describe("stand-ins", function()
  local function tag(name) return { ["$secret"] = name, fp = "tag of " .. name } end

  it("are secrets with the labels of those they stand for, one for each tag", function()
    local these = stand_ins.new()
    local one = these:revive { user = "admin", password = tag "db/password" }
    assert.equal("admin", one.user)
    assert.is_true(secret.is(one.password))
    assert.equal("‹secret db/password›", tostring(one.password))
    assert.is_true(rawequal(one.password, these:revive(tag "db/password")))
    assert.is_false(rawequal(one.password, these:revive(tag "db/other")))
    assert.is_true(one.password:unbase64():length() > 0)
  end)

  it("compare as those they stand for", function()
    local these = stand_ins.new()
    local one, other = these:revive(tag "one"), these:revive(tag "other")
    assert.is_nil(these:difference({ tag "one", tag "other" }, plain.of { one, other }))
    local found = these:difference({ a = { tag "one" } }, plain.of { a = { other } })
    assert.equal(".a.1", found.path)
  end)

  it("let what was made of them pass, as long as it stands at the same places", function()
    local these = stand_ins.new()
    local made = plain.of("postgres://" .. these:revive(tag "one"))
    assert.is_nil(these:difference(tag "url", made))
    assert.is_nil(these:difference(tag "url", made))
    assert.truthy(these:difference(tag "another", made))
  end)

  -- recorded, came, where they differ (nil: they do not)
  for name, row in pairs {
    ["the same text"] = { "a", "a" },
    ["another text"] = { "a", "b", "" },
    ["a number and a text"] = { 1, "1", "" },
    ["null and nothing"] = { { a = json.null }, {}, ".a" },
    ["null twice"] = { { a = json.null }, { a = json.null } },
    ["one more"] = { { a = 1 }, { a = 1, b = 2 }, ".b" },
    ["one less"] = { { a = 1, b = 2 }, { a = 1 }, ".b" },
    ["deep inside"] = { { a = { { b = 1 } } }, { a = { { b = 2 } } }, ".a.1.b" },
    ["a secret and a text"] = { { ["$secret"] = "x", fp = "f" }, "x", ".$secret" },
    ["a text that was masked"] = { { ["$masked"] = "***", fp = "f" }, "anything" },
    ["a long text"] = { { ["$cut"] = "aa", bytes = 3 }, { ["$cut"] = "bb", bytes = 3 }, ".$cut" },
  } do
    it("find the place of a difference: " .. name, function()
      local found = stand_ins.new():difference(row[1], row[2])
      if row[3] == nil then
        assert.is_nil(found)
      elseif name == "a secret and a text" then
        assert.truthy(found)
      else
        assert.equal(row[3], found.path)
      end
    end)
  end
end)
