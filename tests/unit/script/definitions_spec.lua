-- Editor definitions: no function that scripts can call is missing, and each file is Lua.

local definitions = require "o2x.script.definitions"

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
        if not standard and not files["words.lua"]:find("function " .. word .. "(", 1, true) then
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
    assert.truthy(
      files["k8s.lua"]:find(
        "--- Ensures a workload's number of replicas, and waits until they are ready, or gone.",
        1,
        true
      )
    )
    assert.truthy(files["k8s.lua"]:find("---@param count integer", 1, true))
    assert.truthy(files["pg.lua"]:find("function object:ensure_vacuumed(name, since) end", 1, true))
    assert.truthy(files["pg.lua"]:find("M.tenant = object", 1, true))
    assert.truthy(files["runbook.lua"]:find('"vault:write"', 1, true))
  end)
end)
