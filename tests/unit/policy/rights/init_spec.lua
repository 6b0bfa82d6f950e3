-- docs/real-platform.md says what the first step of an onboarding asks for.

local effects = require "o2x.effects"
local fs = require "o2x.base.fs"
local rights = require "o2x.policy.rights"
local sorted_keys = require "o2x.base.sorted_keys"

local function all_types()
  local declared = {}
  for _, word in ipairs(effects.words()) do
    declared[word] = true
  end
  return effects.types_of(declared)
end

local function words(list) return list and ("`%s`"):format(table.concat(list, "`, `")) or "" end

local function table_of(types)
  local rows = {}
  for _, one in ipairs(types) do
    local undo = one.undo and one.undo.rights or {}
    for _, system in ipairs(sorted_keys(one.rights or {})) do
      local row = "| `%s` | %s | %s | %s |"
      rows[#rows + 1] = row:format(one.kind, system, words(one.rights[system]), words(undo[system]))
    end
  end
  table.sort(rows)
  return "| effect type | system | rights | for an undo that removes |\n|---|---|---|---|\n" .. table.concat(rows, "\n")
end

describe("policy.rights", function()
  it("asks for what docs/real-platform.md says", function()
    local text = fs.read("docs/real-platform.md"):match "<!%-%- rights %-%->\n(.-)\n<!%-%- end of rights %-%->"
    assert.equal(table_of(all_types()), text)
  end)

  it("knows what each type of a kind needs, by system", function()
    local needs = rights.of { { rights = { vault = { "read" } } }, { rights = { vault = { "create" } } }, {} }
    assert.same({ vault = { "read", "create" } }, needs)
  end)

  it("adds what an undo needs that removes", function()
    local one = { kind = "x", rights = { vault = { "read" } }, undo = { rights = { vault = { "metadata:delete" } } } }
    assert.same({ vault = { "read" } }, rights.of({ one }, {}))
    assert.same({ vault = { "read", "metadata:delete" } }, rights.of({ one }, { x = true }))
  end)
end)
