local promql = require "o2x.client.k8s.contents.promql"

-- "label op value; …" for each pair of braces.
local function selectors(text)
  local found = promql.selectors(text)
  if not found then return nil end
  for i, matchers in ipairs(found) do
    for j, one in ipairs(matchers) do
      matchers[j] = one.label .. one.op .. one.value
    end
    found[i] = table.concat(matchers, ";")
  end
  return found
end

describe("the selectors of an expression", function()
  for text, expected in pairs {
    ["vector(1)"] = {},
    ["up"] = { "" },
    ['a{x="1"} or sum(b) > 0'] = { "x=1", "" },
    ['up unless up{x="1"}'] = { "", "x=1" },
    ['sum by (tenant, b) (rate(a{x="1"}[5m])) / on(pod) group_left (node) b{y="2"} offset 1h'] = { "x=1", "y=2" },
    ['SUM(a{x="1"}) BY (b) and bool_metric'] = { "x=1", "" },
    ['a{x="1"}[1h:5m] > 1.5e3 and 0x1f < +Inf'] = { "x=1" },
    ["job:requests:rate5m > 3"] = { "" },
    ['up{a="b"}'] = { "a=b" },
    ['up{a="b",}'] = { "a=b" },
    ["up{}"] = { "" },
    ["up { a = 'b' , c!~`d` }"] = { "a=b;c!~d" },
    ['a{x="1"} / on (y) b{z=~"2.*"} > 3'] = { "x=1", "z=~2.*" },
    ['a{x="}\\"{"}'] = { 'x=}"{' },
    ['a{x="1"} # {y="2"}'] = { "x=1" },
    ['a{x="1"} # {\n or b{y="2"}'] = { "x=1", "y=2" },
    ['label_replace(a{x="1"}, "{", "}", "c", "(.*)")'] = { "x=1" },
    ['q{d=~"T\\\\..*"}[5m]'] = { "d=~T\\..*" },
    ['{__name__="up",t="n"}'] = { "__name__=up;t=n" },
  } do
    it(text, function() assert.same(expected, selectors(text)) end)
  end

  for _, text in ipairs { "up{", "up{a}", 'up{a="b}', "up{a=b}", "'", 'up{"up", a="b"}' } do
    it("cannot be read in " .. text, function() assert.is_nil(selectors(text)) end)
  end
end)
