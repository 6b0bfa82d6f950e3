-- A reader gives the records of a journal with or without some of their members, and one record at its place.

local core = require "o2x.core.journal_reader"
local frame = require "o2x.core.frame"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"

local FIRST <const> = ("0"):rep(16)

-- Values that a search for the end of a member could stumble over.
local VALUES <const> = {
  "plain",
  "",
  'a "quoted" text',
  "ends with a backslash \\",
  "two \\\\",
  '\\"',
  '\\\\"',
  'braces } ] , { [ in "texts"',
  "a comma, and a colon: 1",
  "line\nbreak\ttab \u{1F600} \0",
  0,
  -1.5e300,
  true,
  false,
  json.null,
  json.array {},
  {},
  { 1, { 2, { 3, "}" } } },
  { a = { b = { c = '"]}' } }, ["x,y"] = { "{" } },
  { target = "inside", after = { before = 1 } },
  ("x"):rep(200000),
}

describe("a reader of journals", function()
  local folder, path
  before_each(function()
    folder = fs.temp_folder "/tmp/o2x-reader-"
    path = folder .. "/journal"
  end)
  after_each(function() fs.remove_tree(folder) end)

  local function write(texts, tail)
    local previous, file <close> = FIRST, assert(io.open(path, "wb"))
    for n, text in ipairs(texts) do
      local line
      line, previous = frame.seal(n - 1, previous, text)
      file:write(line)
    end
    file:write(tail or "")
  end

  local function read(without)
    local records, places = {}, {}
    local reader = assert(core.open(path, without))
    while true do
      local text, place, code = reader:next()
      if not text then return records, places, reader, code, place end
      records[#records + 1], places[#places + 1] = text, place
    end
  end

  for _, name in ipairs { "a", "m", "z" } do
    it("leaves out a member, whatever its value: " .. name, function()
      local texts, wanted = {}, {}
      for i, value in ipairs(VALUES) do
        local record = { a = i, m = value, z = { value } }
        record[name] = value
        texts[i] = json.encode(record)
        record[name] = nil
        wanted[i] = json.decode(json.encode(record))
      end
      write(texts)
      local records, _, reader = read(name)
      for i, text in ipairs(records) do
        assert.same(wanted[i], json.decode(text), texts[i]:sub(1, 100))
      end
      assert.equal(#VALUES, #records)
      reader:close()
      reader:close()
      assert.equal("{}", (read "a m z")[1])
    end)
  end

  it("gives a record whole at its place", function()
    local texts = {}
    for i, value in ipairs(VALUES) do
      texts[i] = json.encode { a = value, m = i }
    end
    write(texts)
    local _, places, reader = read "a"
    for i = #texts, 1, -1 do
      assert.equal(texts[i], reader:at(places[i]))
    end
    for _, wrong in ipairs { places[2] + 1, places[#places] + 300000, 1 << 40 } do
      local text, message, code = reader:at(wrong)
      assert.same({ nil, "damaged" }, { text, code }, message)
    end
    reader:close()
  end)

  it("leaves alone what our encoder did not write", function()
    local texts = { '{"a" :1,"m":2}', '{"a":1,"m":2,}', '{"a":1}}', '{"a":[1}', '{"m":"}' }
    write(texts)
    assert.same({ '{"a" :1,"m":2}', '{"a":1,"m":2,}', '{"a":1}}', '{"a":[1}', '{"m":"}' }, (read "a"))
  end)

  it("ends at a torn line, and knows damage from it", function()
    for tail, expected in pairs {
      ['{"n":2,"len":30'] = "none",
      ["\0\0\0"] = "none",
      ["no frame\n"] = "damaged",
      [("x"):rep(200)] = "damaged",
    } do
      write({ '{"a":1}', '{"a":2}' }, tail)
      local records, _, reader, code = read()
      assert.equal(2, #records)
      assert.equal(expected, code or "none", tail)
      local number, _, size = reader:state()
      assert.same({ 2, fs.stat(path).size - #tail }, { number, size })
      reader:close()
    end
  end)

  it("follows no link", function()
    write { '{"a":1}' }
    require("o2x.core.fs").symlink(path, folder .. "/link")
    assert.equal("ELOOP", select(3, core.open(folder .. "/link")))
  end)
end)
