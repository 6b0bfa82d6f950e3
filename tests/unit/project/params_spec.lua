local params = require "o2x.project.params"

local function refused(declared, given, message)
  local ok, err = pcall(params.check, declared, given, "deploy")
  assert.is_false(ok)
  assert.equal("input", err.kind)
  assert.matches(message, err.message)
  return err
end

-- A text as a parameter of a type, with further fields of its declaration.
local function read(kind, text, fields)
  local spec = { kind }
  for name, v in pairs(fields or {}) do
    spec[name] = v
  end
  return params.check({ p = spec }, { p = text }, "deploy").p
end

describe("a parameter's type", function()
  local good = {
    { "string", "a text", "a text" },
    { "integer", "-12", -12 },
    { "boolean", "yes", true },
    { "boolean", "off", false },
    { "version", "v2.5.0", "v2.5.0" },
    { "tenant", "newclient-sbx", "newclient-sbx" },
    { "duration", "90s", 90 },
    { "duration", "2h", 7200 },
    { "list", "a, b,c", { "a", "b", "c" } },
  }
  for _, case in ipairs(good) do
    it(("%s takes %s"):format(case[1], case[2]), function() assert.same(case[3], read(case[1], case[2])) end)
  end

  local bad = {
    { "string", "two\nlines" },
    { "integer", "1.5" },
    { "integer", "99999999999999999999" },
    { "boolean", "maybe" },
    { "version", "not a version!" },
    { "tenant", "New Client" },
    { "duration", "soon" },
    { "list", "" },
    { "time", "yesterday" },
  }
  for _, case in ipairs(bad) do
    it(
      ("%s refuses %q"):format(case[1], case[2]),
      function() refused({ p = { case[1] } }, { p = case[2] }, "^parameter p: ") end
    )
  end

  it("choice takes one of its choices", function()
    local fields = { choices = { "on", "off" } }
    assert.equal("on", read("choice", "on", fields))
    refused({ p = { "choice", choices = { "on", "off" } } }, { p = "up" }, "one of on, off")
  end)

  it("list takes items that are its choices", function()
    local fields = { choices = { "all", "roof", "cellar" } }
    assert.same({ "roof", "cellar" }, read("list", "roof, cellar", fields))
    refused({ p = { "list", choices = fields.choices } }, { p = "roof,cellr" }, 'no "cellr"; did you mean cellar')
  end)

  it(
    "time is given as it was typed",
    function() assert.equal("2026-02-14T09:30:00Z", read("time", "2026-02-14T09:30:00Z")) end
  )

  it("has bounds, which are allowed values themselves", function()
    assert.equal(1, read("integer", "1", { min = 1, max = 3 }))
    assert.equal(3, read("integer", "3", { min = 1, max = 3 }))
    refused({ p = { "integer", min = 1 } }, { p = "0" }, "at least 1")
    refused({ p = { "duration", max = 60 } }, { p = "61s" }, "at most 60")
  end)
end)

describe("params.check", function()
  it(
    "puts the default where none is given",
    function() assert.same({ n = 3 }, params.check({ n = { "integer", default = 3 } }, {}, "deploy")) end
  )

  it(
    "reads a default as it is typed",
    function() assert.same({ w = 1800 }, params.check({ w = { "duration", default = "30m" } }, {}, "deploy")) end
  )

  it(
    "leaves an optional one out",
    function() assert.same({}, params.check({ n = { "integer", optional = true } }, {}, "x")) end
  )

  it("wants every other one, and says what it is", function()
    local err = refused({ n = { "integer", help = "how many" } }, {}, "parameter n")
    assert.matches("n=.*how many", err.hint)
  end)

  it("refuses one that is not declared, with the nearest name", function()
    local err = refused(
      { rooms = { "integer" } },
      { room = "1" },
      'deploy has no parameter "room"; did you mean rooms%?'
    )
    assert.matches("rooms", err.hint)
  end)
end)

describe("params.problem", function()
  local function says(message, name, spec) assert.matches(message, (params.problem(name, spec))) end

  it(
    "is nil for a right declaration",
    function() assert.is_nil(params.problem("n", { "integer", default = 1, min = 0, max = 9, help = "how many" })) end
  )

  it("says what is wrong with a declaration", function()
    says("params: .*Name", "Name", { "integer" })
    says("params.n: .*table", "n", "integer")
    says('unknown field "defualt"; did you mean default', "n", { "integer", defualt = 1 })
    says("params.n: the type must be one of boolean, choice", "n", { "int" })
    says("choices", "n", { "choice" })
  end)
end)

describe("params.harmless", function()
  it("is whether a parameter has the value with which nothing is written", function()
    local declared = { mode = { "string", harmless = "show" }, n = { "integer" } }
    assert.is_true(params.harmless(declared, { mode = "show", n = 1 }))
    assert.is_false(params.harmless(declared, { mode = "delete", n = 1 }))
    assert.is_false(params.harmless({ n = { "integer" } }, { n = 1 }))
  end)
end)

describe("the value of a parameter", function()
  it("is told from what a script makes up", function()
    assert.is_true(params.is_value({ to = "/a" }, "/a"))
    assert.is_false(params.is_value({ to = "/a" }, "/b"))
    assert.is_false(params.is_value({ to = 7 }, 7))
    assert.is_false(params.is_value(nil, "/a"))
  end)
end)

describe("a word that assigns nothing", function()
  local DECLARED <const> = {
    mode = { "choice", choices = { "on", "off", "status" } },
    ["for"] = { "duration", optional = true },
    force = { "boolean", default = false },
    replicas = { "integer", optional = true },
    image = { "version", optional = true },
    chart = { "version", optional = true },
    services = { "list", optional = true },
  }
  local CASES <const> = {
    { "on", "mode=on" },
    { "of", "mode=off" },
    { "force", "force=true" },
    { "3", "chart=3 or image=3 or replicas=3" },
    { "v2.5.0", "chart=v2.5.0 or image=v2.5.0" },
    { "30m", "chart=30m or for=30m or image=30m" },
    { "service-sso", nil },
    { "\27[2J", nil },
  }
  for _, case in ipairs(CASES) do
    it(("is understood, or not: %q"):format(case[1]), function()
      local meant, hint = params.meant(DECLARED, case[1])
      assert.equal(case[2] and ("; did you mean %s?"):format(case[2]) or "", meant)
      assert.equal("its parameters: chart, for, force, image, mode, replicas, services", hint)
    end)
  end

  it("is the value that the runbook cannot do without", function()
    assert.equal("; did you mean archive=a.dump?", (params.meant({ archive = { "string" } }, "a.dump")))
    assert.same({ "", "it has no parameters" }, { params.meant({}, "x") })
  end)

  it("has a near value named where a value is wrong", function()
    for _, case in ipairs { { "mode", "of", "off" }, { "force", "ture", "true" } } do
      local ok, err = pcall(params.check, DECLARED, { mode = "on", [case[1]] = case[2] }, "tend")
      assert.is_false(ok)
      assert.matches(("did you mean %s%%?"):format(case[3]), err.message)
    end
  end)
end)
