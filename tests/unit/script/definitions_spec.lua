-- Editor definitions: no function that scripts can call is missing, and each file is Lua.

local definitions = require "o2x.script.definitions"
local fs = require "o2x.base.fs"
local reference = require "o2x.script.reference"

describe("editor definitions", function()
  local files = definitions.files()

  it("have every public function of the manifest", function()
    local missing = {}
    for line in io.lines "tests/unit/script/sandbox_manifest.txt" do
      local name, kind = line:match "^(%S+) (%S+)$"
      local api, object, field = name:match "^o2x%.([%w_]+)%.([%w_]+)%.([%w_]+)$"
      if not api then
        api, field = name:match "^o2x%.([%w_]+)%.([%w_]+)$"
      end
      if api and kind ~= "table" then
        local text = files[api .. ".lua"] or ""
        local wanted = object and "function object:" .. field .. "(" or "function M." .. field .. "("
        local other = "\nM." .. field .. " = "
        if not text:find(wanted, 1, true) and not text:find(other, 1, true) then missing[#missing + 1] = name end
      elseif name:match "^_ENV%." and kind == "function" and not name:match "^_ENV%.%w+%." then
        local word = name:sub(6)
        local standard = _G[word] ~= nil
        if not standard and not files["globals.lua"]:find("function " .. word .. "(", 1, true) then
          missing[#missing + 1] = name
        end
      end
    end
    assert.same({}, missing)
  end)

  it("are Lua, with the doc comments of the apis", function()
    for name, text in pairs(files) do
      assert(load(text, "@" .. name, "t"))
    end
    assert.truthy(files["k8s.lua"]:find("--- Ensures a workload's number of replicas", 1, true))
    assert.truthy(files["k8s.lua"]:find("---@param count integer", 1, true))
    assert.truthy(files["pg.lua"]:find("function object:ensure_vacuumed(name, since) end", 1, true))
    assert.truthy(files["pg.lua"]:find("M.tenant = object", 1, true))
    assert.truthy(files["runbook.lua"]:find('"vault:write"', 1, true))
  end)

  it("have exactly the fields that are accepted", function()
    local classes = reference.classes()
    for class, path in pairs {
      ["o2x.declaration"] = "lua/o2x/script/runbook.lua",
      ["o2x.override"] = "lua/o2x/script/override.lua",
      ["o2x.hooks"] = "lua/o2x/script/hooks.lua",
      ["o2x.parameter"] = "lua/o2x/project/params.lua",
    } do
      local accepted, documented = {}, {}
      for name in fs.read(path):match("local FIELDS =%s*(%b{})"):gmatch "([%w_]+)%]? = " do
        accepted[name] = true
      end
      for _, line in ipairs(classes[class]) do
        local name = line:match "^@field %[?([%w_]+)%]? "
        if name then documented[name] = true end
      end
      assert.same(accepted, documented, class)
    end
  end)
end)
