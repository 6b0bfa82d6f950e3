-- A capsule may come from anybody: what it says is checked before anything of it is used.

local capsule = require "o2x.engine.capsule"
local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local journal = require "o2x.engine.journal"
local raised = require "tests.support.raised"
local toys = require "tests.support.toy"

describe("a capsule", function()
  local toy, path, text
  setup(function()
    toy = toys.new()
    assert.equal(0, toy:o2x({ "run", "build", "alpha", "rooms=1", "--quiet" }).code)
    local id = toy:o2x({ "runs", "--json" }).stdout:match "R%-[%w-]+"
    path = toy.dir .. "/a.capsule"
    local made = toy:o2x { "capsule", id, "--out=" .. path }
    assert.equal(0, made.code, made.stderr)
    text = fs.read(path)
  end)
  teardown(function() toy:__close() end)

  local function read(bytes)
    local folder <close> = setmetatable({ path = fs.temp_folder() }, {
      __close = function(self) fs.remove_tree(self.path) end,
    })
    local file = fs.join(folder.path, "a.capsule")
    fs.write_scratch(file, bytes)
    return capsule.read(file, folder.path)
  end

  it("is read as it was written, and nobody else may read it", function()
    local file = read(text)
    assert.equal("alpha", file.header.tenant)
    assert.truthy(file.sources["runbooks/build.lua"])
    assert.equal("begin", file.records[1].t)
    assert.equal(tonumber("600", 8), fs.stat(path).mode & 0x1ff)
  end)

  -- One line, whatever byte is another one.
  local function refused(bytes)
    local err = raised(read, bytes)
    assert.equal("capsule", err.code, tostring(err))
    assert.equal("failed", err.kind)
    assert.is_nil(err.message:find("\n", 1, true))
    assert.is_nil(err.message:find("attempt to", 1, true), err.message)
  end

  it("with another byte anywhere is refused", function()
    local step = math.max(#text // 400, 1)
    for at = 1, #text, step do
      refused(text:sub(1, at - 1) .. string.char(text:byte(at) ~ 0x15) .. text:sub(at + 1))
    end
  end)

  it("that is cut off anywhere is refused", function()
    for at = 0, #text - 1, math.max(#text // 200, 1) do
      refused(text:sub(1, at))
    end
  end)

  it("with more at its end is refused", function()
    for _, more in ipairs { "x\n", "{}\n", text, "\0" } do
      refused(text .. more)
    end
  end)

  -- A capsule whose chain is right, and that says something else.
  local function forged(change)
    local file = read(text)
    local records = { { capsule = 1, run = file.header.run, tenant = "alpha", o2x = "1" } }
    for name, source in pairs(file.sources) do
      records[#records + 1] = { t = "source", path = name, text = source }
    end
    local made = fs.temp_folder()
    local inner = fs.join(made, "journal")
    local own = journal.create(inner, file.records[1])
    for i = 2, #file.records do
      own:append(file.records[i], true)
    end
    own:commit()
    own:close()
    local piece = fs.read(inner)
    records[#records + 1] = { t = "journal", text = piece }
    records[#records + 1] = {
      t = "end",
      sources = #records - 2,
      bytes = #piece,
      hash = crypto.sha256(crypto.sha256(piece)),
    }
    change(records, file)
    local out = journal.create(fs.join(made, "out"), records[1])
    for i = 2, #records do
      out:append(records[i], true)
    end
    out:commit()
    out:close()
    local bytes = fs.read(fs.join(made, "out"))
    fs.remove_tree(made)
    return bytes
  end

  it("that was made again in the same way is none the less one", function()
    read(forged(function() end))
  end)

  local function source(name, body)
    return function(records)
      table.insert(records, 2, { t = "source", path = name, text = body or "return 1" })
      records[#records].sources = records[#records].sources + 1
    end
  end
  local FORGED <const> = {
    ["of another form"] = function(records) records[1].capsule = 2 end,
    ["of no form"] = function(records) records[1].capsule = "1" end,
    ["without a run"] = function(records) records[1].run = nil end,
    ["of another run"] = function(records) records[1].run = "R-20200101-000000-0000" end,
    ["without its end"] = function(records) records[#records] = nil end,
    ["with two ends"] = function(records) records[#records + 1] = records[#records] end,
    ["with another count"] = function(records) records[#records].sources = 1 end,
    ["with another size"] = function(records) records[#records].bytes = 1 end,
    ["with another hash"] = function(records) records[#records].hash = "x" end,
    ["with an unknown record"] = function(records) table.insert(records, 2, { t = "file", path = "x" }) end,
    ["with a record of no kind"] = function(records) table.insert(records, 2, { x = 1 }) end,
    ["with a script that leads upward"] = source "../../etc/cron.d/x.lua",
    ["with a script that leads upward inside"] = source "runbooks/../../x.lua",
    ["with a script of an empty name"] = source "",
    ["with a script that is no Lua"] = source "runbooks/x.sh",
    ["with a script that has a control character"] = source "runbooks/\27[2J.lua",
    ["with a script twice"] = source "runbooks/build.lua",
    ["with a script that is too large"] = source("runbooks/x.lua", ("x"):rep((1 << 20) + 1)),
    ["with another script"] = function(records)
      for _, record in ipairs(records) do
        if record.path == "runbooks/build.lua" then record.text = record.text .. " " end
      end
    end,
    ["without a script"] = function(records)
      for i, record in ipairs(records) do
        if record.path == "stdlib/house.lua" then
          table.remove(records, i)
          break
        end
      end
      records[#records].sources = records[#records].sources - 1
    end,
    ["with what nobody takes back"] = function(records)
      local piece, ending = records[#records - 1].text, records[#records]
      table.insert(records, #records, { t = "undoes", text = piece })
      ending.bytes, ending.hash = 2 * #piece, crypto.sha256(crypto.sha256(piece) .. crypto.sha256(piece))
    end,
    ["with a journal that is none"] = function(records)
      records[#records - 1].text = "nothing"
      records[#records].bytes, records[#records].hash = 7, crypto.sha256(crypto.sha256 "nothing")
    end,
  }
  for name, change in pairs(FORGED) do
    it(name .. " is refused", function() refused(forged(change)) end)
  end

  it("is no folder, no device, and not nothing", function()
    for _, wrong in ipairs { toy.dir, "/dev/null", "/dev/zero", toy.dir .. "/nosuch" } do
      assert.equal("capsule", raised(capsule.read, wrong, toy.dir).code)
    end
  end)
end)
