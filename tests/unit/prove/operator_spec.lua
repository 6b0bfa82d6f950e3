local case = require "o2x.prove.case"
local operator = require "o2x.prove.operator"
local together = require "o2x.prove.together"

-- A run that ends so, with the line that it proposes.
local function ending(code, proposed)
  return { code = code, stdout = "", stderr = "o2x: said\n" .. (proposed and "next: o2x " .. proposed .. "\n" or "") }
end

-- What the prover's ground answers, command by command.
local function ground_of(results)
  local typed = {}
  local ground = {
    typed = typed,
    fresh = function() end,
    run_words = function() return { "run", "look", "alpha" } end,
    lab = { fault = function() return {} end },
    o2x = function(_, words)
      typed[#typed + 1] = table.concat(words, " ")
      return results[#typed] or error "a command too many"
    end,
  }
  return ground
end

describe("what is typed after a disturbed run", function()
  local judge, leaks = case.judge, case.leaks
  before_each(function()
    case.judge, case.leaks = function() end, function() end
  end)
  after_each(function()
    case.judge, case.leaks = judge, leaks
  end)

  -- Ended well, with findings, with what an undo leaves.
  for _, code in ipairs { 0, 2, 7 } do
    it("is nothing where it is done: " .. code, function()
      local ground = ground_of { ending(code, "show R-1") }
      local result, problem = operator.follow(ground, { "run" }, ending(code, "show R-1"))
      assert.equal(code, result.code)
      assert.is_nil(problem)
      assert.same({}, ground.typed)
      local unit = { kind = "fault", cases = { { service = "k8s", fault = "drop", match = "a", nth = 1 } } }
      assert.is_nil((together.play(ground, {}, unit)))
      assert.same({ "run look alpha" }, ground.typed)
    end)
  end

  it("is what it proposes, until that is done", function()
    local ground = ground_of { ending(1, "resume R-1"), ending(2) }
    local result, problem = operator.follow(ground, { "run" }, ending(4, "resume R-1"))
    assert.equal(2, result.code)
    assert.is_nil(problem)
    assert.same({ "resume R-1", "resume R-1" }, ground.typed)
  end)

  it("is a problem where nothing goes on, or nothing ends it", function()
    local _, problem = operator.follow(ground_of {}, { "run" }, ending(1, "show R-1"))
    assert.matches("not done, and o2x show R%-1 is proposed", problem)
    local results = {}
    for i = 1, operator.TRIES do
      results[i] = ending(1, "resume R-1")
    end
    _, problem = operator.follow(ground_of(results), { "run" }, ending(1, "resume R-1"))
    assert.matches("not done after 6 commands; o2x resume R%-1 says: said", problem)
  end)
end)
