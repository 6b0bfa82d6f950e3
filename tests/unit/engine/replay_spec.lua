-- Replays of records that somebody made up: whatever they say, the replay ends, does nothing, and says one thing. What
-- real runs leave is replayed in tests/e2e/capsule_spec.lua.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local replay = require "o2x.engine.replay"

describe("a replay", function()
  local folder
  before_each(function() folder = fs.temp_folder() end)
  after_each(function() fs.remove_tree(folder) end)

  local BOOK <const> = [[
local files = require "o2x.files"
return require "o2x.runbook" {
  name = "made-up", version = "1.0.0", api = 1, summary = "Is made up", effects = { "files:write" },
  run = function(tenant) %s end,
}]]
  local PLATFORM <const> = [[
local M = {}
function M.grants() return { files = { read = { "x" }, write = { "x" } } } end
return M]]

  local function play(body, answers, ending)
    local records = {
      {
        t = "begin",
        id = "R-20261126-000000-0000",
        tenant = "alpha",
        runbook = { name = "made-up", version = "1.0.0", path = "runbooks/made-up.lua" },
        params = {},
        library = {},
        seed = 1,
        root = "/",
      },
      { t = "world", facts = { name = "alpha" }, hidden = {}, files = {} },
    }
    for _, answer in ipairs(answers) do
      answer.t = "answer"
      records[#records + 1] = answer
    end
    records[#records + 1] = ending or { t = "end", status = "done" }
    local capsule = {
      sources = { ["runbooks/made-up.lua"] = BOOK:format(body), ["stdlib/platform.lua"] = PLATFORM },
      records = records,
    }
    return replay.perform(capsule, { folder = folder })
  end

  local function ensure(text)
    local given = { "x", text }
    return { path = "", call = "files.ensure", given = given, gave = { "created" } }
  end

  it("does nothing that its scripts ask for", function()
    local result = play('files.ensure("x", "text")', { ensure "text" })
    assert.is_nil(result.divergence)
    assert.equal(1, result.answers)
    assert.same({}, fs.list(folder))
  end)

  -- what the script does, what the record has
  for name, row in pairs {
    ["sleeps for ever"] = { "while true do sleep(1) end", {} },
    ["waits for ever"] = { 'wait_until("it is there", 1000, function() end)', {} },
    ["asks again and again"] = { 'while true do pcall(files.read, "x") end', {} },
    ["catches what ends it"] = { 'pcall(files.ensure, "x", "other") files.ensure("x", "text")', { ensure "text" } },
    ["has a limit of time that nothing ends"] = { 'timeout(1000, function() files.read("x") end)', {} },
    ["asks in branches that wait for each other"] = {
      'parallel { a = function() files.read("x") end, b = function() files.read("x") end }',
      {},
    },
    ["asks for nothing"] = { "", { ensure "text" } },
    ["ends otherwise"] = { 'fail("no")', {} },
    ["is an error of Lua"] = { "local t; t.x = 1", {} },
  } do
    it("diverges, and ends, where a script " .. name, function()
      local result = play(row[1], row[2])
      assert.truthy(result.divergence, json.encode(result))
    end)
  end

  it("that was interrupted ends where the run did", function()
    for _, ending in ipairs { { t = "end", status = "interrupted" }, { t = "step", path = "x" } } do
      assert.is_nil(play('files.ensure("x", "text") files.read("x")', { ensure "text" }, ending).divergence)
    end
  end)

  -- records that are no answers
  for name, answer in pairs {
    ["no call"] = { given = {} },
    ["a call that is no text"] = { call = 1, given = {} },
    ["nothing given"] = { call = "files.read" },
    ["given what is no list"] = { call = "files.read", given = 1 },
  } do
    it("refuses an answer with " .. name, function()
      local ok, problem = pcall(play, 'files.read("x")', { answer })
      assert.is_false(ok)
      assert.is_true(errors.is(problem))
      assert.equal("capsule", problem.code)
    end)
  end

  -- records of a step that do not say of which
  for _, kind in ipairs { "step", "done", "fail", "check", "skip" } do
    for name, path in pairs { nothing = false, ["no text"] = {}, ["a number"] = 7 } do
      it(("refuses a %s of %s"):format(kind, name), function()
        local ok, problem = pcall(play, "", {}, { t = kind, path = path or nil })
        assert.is_false(ok)
        assert.is_true(errors.is(problem))
        assert.equal("capsule", problem.code)
      end)
    end
  end

  for name, answer in pairs {
    ["no result"] = {},
    ["a result that is no list"] = { gave = 1 },
    ["an error that is none"] = { raised = 1 },
    ["an error without a text"] = { raised = { kind = {}, message = {}, details = 1 } },
    ["bytes that are none"] = { gave = { { ["$bytes"] = "***" } } },
    ["a number that is none"] = { gave = { { ["$float"] = "x" } } },
    ["pairs that are none"] = { gave = { { ["$table"] = 1 } } },
    ["a secret that is none"] = { gave = { { ["$secret"] = {}, fp = {} } } },
    ["a lane that is none"] = { lane = {}, gave = { "x" } },
    ["a step that is none"] = { path = {}, gave = { "x" } },
  } do
    it("does not fall over an answer with " .. name, function()
      answer.call, answer.given, answer.path = "files.read", { "x" }, answer.path or ""
      local result = play('files.read("x")', { answer })
      assert.truthy(result.divergence or result.lost or result.answers == 1, json.encode(result))
    end)
  end
end)
