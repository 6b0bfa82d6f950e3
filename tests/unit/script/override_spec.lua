local override = require "o2x.script.override"

local STANDARD <const> = [[
step("Build", f)
step("room " .. i, f)
]]

local function new_sandbox()
  return {
    texts = { ["runbooks/build.lua"] = STANDARD },
    overrides = {},
    file = "runbooks/tenants/acme/build.lua",
    where = function() return "runbooks/tenants/acme/build.lua:2" end,
  }
end

local standard = {
  name = "build",
  version = "1.0.0",
  api = 1,
  summary = "Build",
  path = "runbooks/build.lua",
  params = { rooms = { "integer", default = 3 } },
  effects = { "pg:write" },
  run = function() return "standard" end,
}

local function make(changes)
  changes.version = changes.version or "2.0.0"
  return override.make(new_sandbox(), standard, changes)
end

local function refused(message, sandbox, base, changes)
  local ok, err = pcall(override.make, sandbox, base, changes)
  assert.is_false(ok)
  assert.equal("input", err.kind)
  assert.matches(message, err.message)
  return err
end

describe("an override", function()
  it("is the standard runbook with its own version", function()
    local made = make {}
    assert.same({ "build", "2.0.0", "Build", "standard" }, { made.name, made.version, made.summary, made.run() })
  end)

  it("does not follow tables that change later, and refuses metatables", function()
    local effects = { "vault:write" }
    local made = make { effects = effects }
    effects[1] = "s3:write"
    assert.same({ "pg:write", "vault:write" }, made.effects)
    refused("the changes effects: the table has a metatable", new_sandbox(), standard, {
      version = "2.0.0",
      effects = setmetatable({}, { __index = function() return "s3:write" end }),
    })
  end)

  it(
    "wants a runbook that require gave",
    function() refused("must be the standard runbook", new_sandbox(), { run = print }, { version = "2.0.0" }) end
  )

  it("changes fields of parameters and adds new ones", function()
    local made = make { params = { rooms = { default = 5 }, colour = { "string" } } }
    assert.same({ rooms = { "integer", default = 5 }, colour = { "string" } }, made.params)
    assert.equal(3, standard.params.rooms.default)
  end)

  it(
    "adds effects, each once",
    function() assert.same({ "pg:write", "vault:write" }, make({ effects = { "vault:write", "pg:write" } }).effects) end
  )

  it("can make a runbook severe, not harmless", function()
    assert.is_true(make({ severe = true }).severe)
    assert.is_false(make({}).severe)
  end)

  it("may wrap the whole", function()
    local made = make { run = function(tenant, params, original) return "own " .. original(tenant, params) end }
    assert.equal("own standard", made.run())
  end)

  it("names steps of the standard's, or such whose names are made at run time", function()
    make { before = { Build = print, ["room 7"] = print, ["Build/inner"] = print } }
    refused(
      'no step "Biuld"; did you mean Build',
      new_sandbox(),
      standard,
      { version = "1.0.0", before = { Biuld = print } }
    )
  end)

  it("says what is wrong, and where", function()
    local sandbox = new_sandbox()
    sandbox.texts[sandbox.file] = "return override(\n{ verison = '1' })"
    local err = refused('unknown field "verison"; did you mean version', sandbox, standard, { verison = "1" })
    assert.equal("runbooks/tenants/acme/build.lua:2", err.where)
    refused('"version"', new_sandbox(), standard, {})
    refused("severe: .*boolean", new_sandbox(), standard, { version = "1.0.0", severe = 1 })
    refused("before.*function", new_sandbox(), standard, { version = "1.0.0", before = { Build = 1 } })
    refused("standard runbook", new_sandbox(), 7, {})
    refused("table", new_sandbox(), standard, "x")
  end)
end)

describe("a step that is overridden", function()
  -- Plays one step under these edits; -> what happened, in order
  local function play(edit)
    local trace = {}
    local run = {
      runbook = { path = "own.lua", edits = { Build = edit } },
      report = { message = function(_, _, _, text) trace[#trace + 1] = text:match "^%S+ %S+" end },
    }
    local function note(word)
      return function() trace[#trace + 1] = word end
    end
    for _, where in ipairs { "before", "after" } do
      if edit[where] then edit[where] = note(where) end
    end
    override.step(run, "Build", function(instead)
      local original = note "standard"
      if instead then return instead(original) end
      return original()
    end)
    return trace, run
  end

  it(
    "has others around it",
    function() assert.same({ "before", "standard", "after" }, (play { before = true, after = true })) end
  )

  it("can be left out", function() assert.same({ "skipped by" }, (play { without = true })) end)

  it("can be replaced, and what replaces it can call it", function()
    local trace = play { instead = function(_, _, original) original() end }
    assert.same({ "standard" }, trace)
    assert.same({}, (play { instead = function() end }))
  end)

  it("counts as met; edits that met no step are told", function()
    local _, run = play { before = true }
    run.runbook.edits.Paint, run.runbook.edits.Clean = {}, {}
    assert.same({ "Clean", "Paint" }, override.unused(run))
  end)
end)
