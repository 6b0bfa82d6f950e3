-- A document's null is a value of its own: `x or {}` keeps it, and `x.y` of it is an error of Lua. Readers decode by
-- json.read and yaml.read, which leave out what is null. The places below need to tell null from absent.

local house = require "tests.support.house"

-- file → how many calls of decode it has, and why
local NEEDS_NULL <const> = {
  ["lua/o2x/effects/json.lua"] = { 1, "scripts see null, and check the shape by json.check" },
  ["lua/o2x/effects/yaml.lua"] = { 2, "scripts see null" },
  ["lua/o2x/effects/service/requests.lua"] = { 1, "scripts see null, and check the shape by json.check" },
  ["lua/o2x/client/aws/credentials/keys.lua"] = { 1, "a text alone" },
  ["lua/o2x/client/k8s/proxy.lua"] = { 1, "scripts see null, and check the shape by json.check" },
  ["lua/o2x/client/helm/releases.lua"] = { 1, "values have nulls; the rest has a shape" },
  ["lua/o2x/client/helm/chart.lua"] = { 1, "Chart.yaml is written again as it is" },
  ["lua/o2x/client/helm/manifest.lua"] = { 1, "a manifest is compared as it is" },
  ["lua/o2x/client/k8s/compare.lua"] = { 2, "null removes a field; the texts are our own" },
  ["lua/o2x/client/k8s/decode.lua"] = { 1, "a Secret's, without nulls" },
  ["lua/o2x/client/k8s/status.lua"] = { 1, "a Secret's; the answer has a shape" },
  ["lua/o2x/client/vault/init.lua"] = { 1, "a field of a secret may be null; the rest has a shape" },
  ["lua/o2x/client/pg/init.lua"] = { 1, "a column of JSON" },
  ["lua/o2x/effects/pg/column_form.lua"] = { 2, "a column of JSON" },
  ["lua/o2x/effects/helm/whole.lua"] = { 1, "a record is encoded again as it is" },
  ["lua/o2x/engine/rehearsal/arrival.lua"] = { 1, "an effect's value may be null" },
  ["lua/o2x/engine/rehearsal/init.lua"] = { 1, "an object is encoded again as it is" },
  ["lua/o2x/engine/journal.lua"] = { 1, "an effect's value may be null" },
  ["lua/o2x/engine/player.lua"] = { 2, "what a script gave may be null; the text is our own" },
  ["lua/o2x/engine/tape.lua"] = { 1, "an answer may be null; the text is our own" },
  ["stdlib/adoption/nested.lua"] = { 1, "what is null is named" },
  ["stdlib/charts.lua"] = { 1, "its type is looked at" },
  ["stdlib/diagnose/configuration.lua"] = { 1, "has a shape" },
  ["stdlib/maintenance/status.lua"] = { 1, "has a shape" },
}

local function without_comments(text) return (text:gsub("%-%-[^\n]*", "")) end

-- Calls of a decoder: json.decode, yaml.decode_all, pcall(json.decode, …).
local function count(text)
  local calls = 0
  for _, module in ipairs { "json", "yaml" } do
    for _, name in ipairs { "decode", "decode_all", "decode_secret" } do
      for _ in without_comments(text):gmatch(("%%f[%%w]%s%%.%s%%f[^%%w_]"):format(module, name)) do
        calls = calls + 1
      end
    end
  end
  return calls
end

describe("a reader of documents", function()
  it("leaves out what is null, or is on the list of those that need it", function()
    local wrong = {}
    for path, text in pairs(house.read ".") do
      local ours = path:match "^lua/o2x/" and not path:match "^lua/o2x/base/"
        or path:match "^stdlib/"
        or path:match "^runbooks/"
      local calls, allowed = ours and count(text) or 0, (NEEDS_NULL[path] or { 0 })[1]
      if calls ~= allowed then wrong[#wrong + 1] = ("%s: %d calls of decode, not %d"):format(path, calls, allowed) end
    end
    table.sort(wrong)
    assert.equal("", table.concat(wrong, "\n"))
  end)
end)
