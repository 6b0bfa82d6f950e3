-- Parsers on damaged texts: they may refuse, and must not crash, hang or read outside (run under `make asan`, that is
-- seen).
local crypto = require "o2x.base.crypto"
local helm_values = require "o2x.client.helm.values"
local json = require "o2x.base.json"
local parser = require "o2x.core.parse"
local task = require "o2x.base.task"
local yaml = require "o2x.base.yaml"

local SECONDS = 2 -- for each parser

local YAML_SEEDS = {
  'app:\n  envMap:\n  - name: &n X\n    value: "6379"  # c\n  - {name: *n, value: [1, 2]}\n'
    .. "  text: |+\n    a\n\n  <<: {a: 1}\nz: !!str 1\n",
  "%YAML 1.1\n--- !!map\n? a\n: - b\n  - !<tag:x> c\n...\n---\n\"\\x41\\u00e9\\U0001F600\\\n  y\": 'it''s'\n",
  'a: >2-\n   x\n\n   y\nb: [1, {c: d, e}, "f": g]\nc: &a\n  d: *a\n\xef\xbb\xbf# \xe2\x80\xa8\r\nd: \t x\r\n',
  "- - - - a\n-\n  - ~\n- ? \n- !\n- &x\n- *x\n- <<: [*x]\n",
}
local JSON_SEEDS = {
  '{"a":[1,-2.5e+10,"x\\n\\u00e9\\ud83d\\ude00",null],"b":{"c":{"d":[]}},"e":true,"\\"":9223372036854775807}',
  '[[[[[[{"":[{"":""}]}]]]]],1e308,-0.0,[],{}]',
  '"\\\\\\/\\b\\f\\n\\r\\t\\u0001"  ',
}
local LUA_SEEDS = {
  "local a <const>, b = { 1, x = 'y\\z  \\n'; [z] = [==[\n]]]==] }, -2 ^ #c .. not d\nfunction a.b:c(d, ...) end\n",
  "#!/x\nfor i = 0x1p-3, 1e+5, .5 do if i then break elseif j then goto x else end ::x:: end --[[ y ]] -- z\n",
  "repeat while f 'x' { y }:z() do end until (function(...) return ..., nil, true end)(a or b and c // d)[1].e;",
}

local function any(list) return list[math.random(#list)] end

local mutations = {
  function(s, at) return s:sub(1, at - 1) .. string.char(math.random(0, 255)) .. s:sub(at + 1) end,
  function(s, at) return s:sub(1, at - 1) .. s:sub(at + math.random(8)) end,
  function(s, at)
    return s:sub(1, at)
      .. any {
        "\\",
        '"',
        "\0",
        "[",
        "{",
        "]",
        "}",
        ":",
        "-",
        "\n",
        "\t",
        "&a ",
        "*a",
        "|",
        ">",
        "\xff",
        "\xf0\x9f",
        "!!",
        "%",
        "? ",
        "'",
      }
      .. s:sub(at + 1)
  end,
  function(s, at) return s:sub(1, at) .. s:sub(math.random(at), at):rep(math.random(3)) .. s:sub(at + 1) end,
  function(s, at, other) return s:sub(1, at) .. other:sub(math.random(#other)) end,
  function(s, at) return s:sub(1, at) end,
}

local function mutate(seeds)
  local s = any(seeds)
  for _ = 1, math.random(4) do
    if #s == 0 then break end
    s = any(mutations)(s, math.random(#s), any(seeds))
  end
  return s:sub(1, 4000)
end

local function attack(seeds, try)
  math.randomseed(41)
  local deadline, slowest = task.now() + SECONDS, 0
  for _ = 1, 20000 do
    if task.now() > deadline then break end
    local start = os.clock() -- the processor's time: others may be at work
    try(mutate(seeds))
    slowest = math.max(slowest, os.clock() - start)
  end
  assert.is_true(slowest < 1)
end

describe("damaged texts", function()
  it("of JSON", function()
    attack(JSON_SEEDS, function(text)
      local ok, value = pcall(json.decode, text)
      if ok then assert.equal(json.encode(value), json.encode(json.decode(json.encode(value)))) end
    end)
  end)

  it("of YAML", function()
    attack(YAML_SEEDS, function(text)
      local ok, values = pcall(yaml.decode_all, text)
      if not ok then return end
      for _, value in ipairs(values) do
        assert.equal(json.encode(value), json.encode(yaml.decode(yaml.encode(value))), text)
      end
    end)
  end)

  it("of values files that are then changed", function()
    attack(YAML_SEEDS, function(text)
      local ok, doc = pcall(helm_values.parse, text, "v.yaml")
      if not ok then return end
      local paths = doc:paths()
      if #paths == 0 then return end
      local path, before = any(paths), doc:text()
      if not pcall(doc.set, doc, path, "new: value") then assert.equal(before, doc:text()) end
      pcall(doc.remove, doc, any(paths))
      pcall(doc.replace_tenant, doc, { { "a", "no" } })
    end)
  end)

  -- What compiles is understood.
  it("of Lua", function()
    attack(LUA_SEEDS, function(text)
      local ok, tree = pcall(parser.tree, text)
      if ok then assert.equal("func", tree.order[1].k) end
      if load(text, "=x", "t") then assert.is_true(ok, text) end
    end)
  end)

  it("of base64 and hex", function()
    attack({ "Zm9vYmFy", "00ff7f", "====", "" .. ("QUJD"):rep(20) }, function(text)
      pcall(crypto.unbase64, text)
      pcall(crypto.unhex, text)
    end)
  end)
end)
