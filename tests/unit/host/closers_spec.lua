-- A native function that marks a buffer of its own to be closed must leave its callers' closers alone (regress/001).

local defer = require "o2x.base.defer"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local xml = require "o2x.base.xml"
local yaml = require "o2x.base.yaml"

local function closes(fn)
  local closed = false
  local function caller()
    local _mark <close> = defer(function() closed = true end)
    fn()
  end
  caller()
  return closed
end

describe("closers", function()
  it("run after every native function that has buffers of its own", function()
    local folder = fs.temp_folder("/tmp/o2x-closers-")
    for name, fn in pairs {
      xml = function() xml.parse("<a><b>c</b></a>") end,
      bad_xml = function() pcall(xml.parse, "<a>") end,
      json = function() json.decode(json.encode { a = { 1, "x" } }) end,
      bad_json = function() pcall(json.decode, "{") end,
      yaml = function() yaml.decode("a: [1, 2]\n") end,
      bad_yaml = function() pcall(yaml.decode, "a: [") end,
      read = function() fs.read("/proc/self/status") end,
      list = function() fs.list(folder) end,
    } do
      assert.is_true(closes(fn), name)
    end
    fs.remove_tree(folder)
  end)
end)
