-- Capsules that were damaged, or made up by somebody: each is refused in one line; nothing is written, nothing told.

local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local journal = require "o2x.engine.journal"
local json = require "o2x.base.json"
local leaks = require "tests.support.leaks"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

local SECRET <const> = [[Zq7/"ü+x w\9#Kp&=4]]
local WAYS <const> = { {}, { "--log" }, { "--to-test" }, { "--json" }, { "--project=." } }

describe("a capsule", function()
  local toy, folder, path, text, other, forms
  local said = {}

  local function newest() return toy:json({ "show", "--json" }).id end

  local function pack(name)
    ok(toy:o2x { "run", "build", "alpha", "rooms=1", "--quiet" })
    local made = ("%s/%s.capsule"):format(toy.dir, name)
    ok(toy:o2x { "capsule", newest(), "--out=" .. made })
    return fs.read(made)
  end

  setup(function()
    toy = toys.new()
    toy.env.O2X_SECRETS = toy.dir .. "/secrets"
    fs.mkdir(toy.env.O2X_SECRETS)
    fs.write(
      toy.env.O2X_SECRETS .. "/alpha.yaml",
      json.encode { door = { key = SECRET } },
      { mode = tonumber("600", 8) }
    )
    forms = leaks.forms_of { [SECRET] = "the door's key" }
    text, other = pack "a", pack "other"
    folder = fs.temp_folder()
    path = fs.join(folder, "a.capsule")
  end)
  teardown(function()
    toy:__close()
    fs.remove_tree(folder)
  end)

  -- All files of the toy, and what is in them; what is beside the capsule.
  local function files()
    local found = { beside = table.concat(fs.list(folder), " ") }
    leaks.files_below(toy.dir, function(at, bytes) found[at] = crypto.sha256(bytes) end)
    return found
  end

  local turn = 0

  -- The next way of using it refuses these bytes.
  local function refused(what, bytes)
    fs.write_scratch(path, bytes)
    turn = turn % #WAYS + 1
    local before = files()
    local result = toy:o2x { "replay", path, table.unpack(WAYS[turn]) }
    local shown = ("%s (%s)\n%s%s"):format(what, WAYS[turn][1] or "", result.stdout, result.stderr)
    assert.equal(1, result.code, shown)
    assert.equal("", result.stdout, shown)
    local lines = select(2, result.stderr:gsub("\n", ""))
    assert.is_true(lines == 1 or lines == 2 and result.stderr:find "\n     %S" ~= nil, shown) -- a hint
    assert.truthy(result.stderr:find(path, 1, true), shown)
    for _, word in ipairs { "traceback", "attempt to", "bug in o2x", ".lua:" } do
      assert.is_nil(result.stderr:find(word, 1, true), shown)
    end
    assert.same(before, files(), shown)
    said[#said + 1] = result.stderr
  end

  local function lines_of(bytes)
    local list = {}
    for line in bytes:gmatch "[^\n]*\n" do
      list[#list + 1] = line
    end
    return list
  end

  it("is refused with another byte, in each hundredth of it", function()
    for part = 0, 99 do
      local at = 1 + #text * part // 100
      refused("byte " .. at, text:sub(1, at - 1) .. string.char(text:byte(at) ~ 0x15) .. text:sub(at + 1))
    end
  end)

  it("is refused when it was cut at a line, or within one", function()
    local size = 0
    for number, line in ipairs(lines_of(text)) do
      refused(("cut before line %d"):format(number), text:sub(1, size))
      refused(("cut in line %d"):format(number), text:sub(1, size + #line // 2))
      size = size + #line
    end
    refused("without its last byte", text:sub(1, -2))
  end)

  it("is refused with a line twice, without a line, and with two exchanged", function()
    local lines = lines_of(text)
    for number = 1, #lines do
      local function changed(what, edit)
        local list = table.move(lines, 1, #lines, 1, {})
        edit(list)
        refused(("line %d %s"):format(number, what), table.concat(list))
      end
      changed("twice", function(list) table.insert(list, number, list[number]) end)
      changed("again at the end", function(list) list[#list + 1] = list[number] end)
      if number < #lines then
        changed("gone", function(list) table.remove(list, number) end)
        changed("exchanged", function(list)
          list[number], list[number + 1] = list[number + 1], list[number]
        end)
      end
    end
  end)

  it("is refused with lines of the capsule of another run", function()
    local mine, theirs = lines_of(text), lines_of(other)
    assert.equal(#mine, #theirs)
    for number = 1, #mine do
      local list = table.move(mine, 1, #mine, 1, {})
      list[number] = theirs[number]
      -- scripts are the same, but not what their lines follow
      refused(("line %d of another"):format(number), table.concat(list))
    end
  end)

  it("is refused when it is something else", function()
    for what, bytes in pairs {
      ["nothing"] = "",
      ["a blank line"] = "\n",
      ["bytes"] = crypto.random(4096),
      ["zeros"] = ("\0"):rep(4096),
      ["JSON"] = json.encode { t = "begin", capsule = 1 } .. "\n",
      ["a line of 64 MiB"] = ("x"):rep(64 << 20),
      ["a line of 64 MiB after its first"] = lines_of(text)[1] .. ("x"):rep(64 << 20) .. "\n",
      ["an archive"] = "PK\3\4" .. crypto.random(200),
      ["a script"] = "return os.exit(0)\n",
    } do
      refused(what, bytes)
    end
  end)

  -- The records of the capsule, and those of its journal, in frames and chains that are right.
  local function forged(change, change_journal)
    local place = fs.temp_folder()
    local function framed(records)
      local at = fs.join(place, crypto.hex(crypto.random(8)))
      local file = journal.create(at, records[1])
      for i = 2, #records do
        file:append(records[i], true)
      end
      file:commit()
      file:close()
      return fs.read(at)
    end
    fs.write(fs.join(place, "whole"), text)
    local records, own, kept = journal.read(fs.join(place, "whole")), {}, {}
    for _, record in ipairs(records) do
      if record.t == "journal" then own[#own + 1] = record.text end
      if record.t ~= "journal" and record.t ~= "log" and record.t ~= "end" then kept[#kept + 1] = record end
    end
    fs.write(fs.join(place, "own"), table.concat(own))
    own = journal.read(fs.join(place, "own"))
    if change_journal then change_journal(own) end
    local piece = framed(own)
    kept[#kept + 1] = { t = "journal", text = piece }
    local hash = crypto.sha256(crypto.sha256(piece))
    kept[#kept + 1] = { t = "end", sources = #kept - 2, bytes = #piece, hash = hash }
    if change then change(kept) end
    local bytes = framed(kept)
    fs.remove_tree(place)
    return bytes
  end

  it("that was framed again is one", function()
    fs.write_scratch(path, forged())
    ok(toy:o2x { "replay", path })
  end)

  local function source(name)
    return function(records)
      table.insert(records, 2, { t = "source", path = name, text = "return 1" })
      records[#records].sources = records[#records].sources + 1
    end
  end

  -- Of the capsule's records.
  local FORGED <const> = {
    ["a script that leads upward"] = source "../../../etc/x.lua",
    ["a script that leads upward inside"] = source "stdlib/../../x.lua",
    ["a script at a folder's own name"] = source "stdlib/./x.lua",
    ["a script with a step upward behind a slash"] = source "/../x.lua",
    ["a script with a backslash"] = source "..\\x.lua",
    ["the journal of another run"] = function(records)
      local place = fs.temp_folder()
      fs.write(fs.join(place, "other"), other)
      local pieces = {}
      for _, record in ipairs(journal.read(fs.join(place, "other"))) do
        if record.t == "journal" then pieces[#pieces + 1] = record.text end
      end
      fs.remove_tree(place)
      local piece = table.concat(pieces)
      records[#records - 1].text = piece
      records[#records].bytes, records[#records].hash = #piece, crypto.sha256(crypto.sha256(piece))
    end,
    ["a journal that is deep JSON"] = function(records)
      local piece = ("["):rep(200000) .. "\n"
      records[#records - 1].text = piece
      records[#records].bytes, records[#records].hash = #piece, crypto.sha256(crypto.sha256(piece))
    end,
    ["a script of 2 MiB"] = function(records)
      table.insert(records, 2, { t = "source", path = "stdlib/x.lua", text = ("x"):rep(2 << 20) })
      records[#records].sources = records[#records].sources + 1
    end,
    ["fields of other types"] = function(records) records[2].text = { "x" } end,
  }
  for what, change in pairs(FORGED) do
    it("is refused that has " .. what, function()
      for _ = 1, #WAYS do
        refused(what, forged(change))
      end
    end)
  end

  -- Of the first record of its journal.
  local OWN <const> = {
    ["of a tenant that leads upward"] = { "tenant", "../../etc" },
    ["of a runbook that leads upward"] = { "runbook", { name = "build", version = "1", path = "../../x.lua" } },
    ["of a runbook that is not in it"] = { "runbook", { name = "build", version = "1", path = "/etc/x.lua" } },
    ["with a name of two lines"] = {
      "runbook",
      { name = "x\nos.execute 'touch x'", version = "1", path = "/etc/x.lua" },
    },
    ["with parameters of no text"] = { "params", { rooms = { 1 } } },
    ["without a seed"] = { "seed", "x" },
    ["of an id that is none"] = { "id", "R-2026/../../x" },
  }
  for what, row in pairs(OWN) do
    it("is refused " .. what, function()
      for _ = 1, #WAYS do
        refused(what, forged(nil, function(records) records[1][row[1]] = row[2] end))
      end
    end)
  end

  it("gives no secret away in any of these lines", function()
    assert.is_true(#said > 150, #said)
    assert.same({}, leaks.found({ said = table.concat(said), capsule = text }, forms))
  end)
end)
