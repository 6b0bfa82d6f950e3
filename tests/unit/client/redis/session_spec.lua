local with_server = require "tests.support.redis_answers"

local function bulk(text) return ("$%d\r\n%s\r\n"):format(#text, text) end

local function page(cursor, ...)
  local parts = { "*2\r\n", bulk(cursor), ("*%d\r\n"):format(select("#", ...)) }
  for _, key in ipairs { ... } do
    parts[#parts + 1] = bulk(key)
  end
  return table.concat(parts)
end

-- A server that gives one page, then the answer to UNLINK, and notes the commands.
local function serve(answers)
  local got, micros = {}, 0
  return got,
    function(command)
      got[#got + 1] = command
      if command == "TIME" then
        micros = micros + 250
        return answers.TIME or "*2\r\n" .. bulk "1700000000" .. bulk(tostring(micros))
      end
      return answers[command] or "-ERR unknown command\r\n"
    end
end

local function ask(more)
  local request = { cursor = "0", pattern = "a:*", count = 10, prefix = "a:", remove = true }
  for name, value in pairs(more or {}) do
    request[name] = value
  end
  return request
end

local function take(answers, more)
  local got, answer = serve(answers)
  local ok, result = with_server(answer, function(client) return client:page(ask(more)) end)
  return ok, result, got
end

describe("a page", function()
  it("comes with the next cursor, its parts, and the commands that remove it", function()
    local ok, result = take { SCAN = page("17", "a:x:1", "a:x:2", "a:y", "a:", "a:z:", "a:ä:1") }
    assert.is_true(ok, tostring(result))
    assert.same({ "17", 6, 0, 1 }, { result.cursor, result.keys, result.removed, result.unlinks })
    assert.same({ x = 2, z = 1, [""] = 3 }, result.parts)
    assert.equal(
      "*7\r\n"
        .. bulk "UNLINK"
        .. bulk "a:x:1"
        .. bulk "a:x:2"
        .. bulk "a:y"
        .. bulk "a:"
        .. bulk "a:z:"
        .. bulk "a:ä:1",
      result.unlink
    )
    assert.equal(0.00025, result.seconds)
  end)

  it("says whether keys that Redis has removed are there all the same", function()
    local unlink = "*2\r\n" .. bulk "UNLINK" .. bulk "a:x"
    local more = { cursor = false, unlink = unlink, unlinks = 1, prove = true }
    for _, case in ipairs { { ":1\r\n", 1 }, { ":0\r\n", 0 }, { "-NOPERM no\r\n" } } do
      local ok, result, got = take({ UNLINK = ":1\r\n", EXISTS = case[1] }, more)
      assert.is_true(ok, tostring(result))
      assert.same({ 1, case[2] }, { result.removed, result.left })
      assert.same({ "TIME", "UNLINK", "EXISTS", "TIME" }, got)
    end
  end)

  it("counts all its parts, many or few", function()
    local keys, parts = {}, {}
    for i = 1, 300 do
      local part = "part" .. i % 20
      keys[i], parts[part] = ("a:%s:%d"):format(part, i), 15
    end
    local _, result = take { SCAN = page("0", table.unpack(keys)) }
    assert.same(parts, result.parts)
  end)

  it("is removed whatever its keys are", function()
    local keys = { "a:", "a:\r\n$3\r\nx", "a:\0\255", "a:" .. ("y"):rep(100000), "a:" .. ("z"):rep(9), "a:é" }
    local _, result = take { SCAN = page("0", table.unpack(keys)) }
    local expected = { "*7\r\n", bulk "UNLINK" }
    for _, key in ipairs(keys) do
      expected[#expected + 1] = bulk(key)
    end
    assert.equal(table.concat(expected), result.unlink)
  end)

  it("has no such commands where nothing is to be removed, or nothing is there", function()
    local _, counted = take({ SCAN = page("0", "a:x") }, { remove = false })
    assert.same({ 1, nil }, { counted.keys, counted.unlink })
    local _, empty = take { SCAN = page "0" }
    assert.same({ 0, nil }, { empty.keys, empty.unlink })
  end)

  it("is removed by commands that are short", function()
    local keys = {}
    for i = 1, 501 do
      keys[i] = "a:" .. i
    end
    local _, result = take { SCAN = page("0", table.unpack(keys)) }
    local lengths = {}
    for length in result.unlink:gmatch "%*(%d+)\r\n" do
      lengths[#lengths + 1] = length
    end
    assert.same({ "251", "251", "2" }, lengths)
    assert.equal(3, result.unlinks)
  end)

  it("may come without the server's time", function()
    for _, answer in ipairs { "-NOPERM no\r\n", "$-1\r\n", ":7\r\n", "*2\r\n+x\r\n+y\r\n", "*0\r\n" } do
      local ok, result = take { SCAN = page "0", TIME = answer }
      assert.is_true(ok, tostring(result))
      assert.is_nil(result.seconds)
    end
  end)

  it("removes the one before", function()
    local unlink = "*2\r\n" .. bulk "UNLINK" .. bulk "a:x"
    local ok, result, got = take({ SCAN = page "0", UNLINK = ":1\r\n" }, { unlink = unlink:rep(2), unlinks = 2 })
    assert.is_true(ok, tostring(result))
    assert.equal(2, result.removed)
    assert.same({ "TIME", "UNLINK", "UNLINK", "SCAN", "TIME" }, got)
  end)

  -- What a server answers, and the kind of the error. After an answer that makes no sense the connection is closed.
  local CASES <const> = {
    ["a key of somebody else"] = { { SCAN = page("0", "a:x", "b:x") }, "refused" },
    ["a part of the prefix"] = { { SCAN = page("0", "a") }, "refused" },
    ["an empty key"] = { { SCAN = page("0", "") }, "refused" },
    ["another case"] = { { SCAN = page("0", "A:x") }, "refused" },
    ["a number"] = { { SCAN = ":7\r\n" }, "failed" },
    ["nothing"] = { { SCAN = "$-1\r\n" }, "failed" },
    ["an empty list"] = { { SCAN = "*0\r\n" }, "failed" },
    ["a cursor alone"] = { { SCAN = "*1\r\n" .. bulk "0" }, "failed" },
    ["more than a page"] = { { SCAN = "*3\r\n" .. bulk "0" .. "*0\r\n*0\r\n" }, "failed" },
    ["a cursor that is a word"] = { { SCAN = page("x", "a:x") }, "failed" },
    ["a cursor that is empty"] = { { SCAN = page("", "a:x") }, "failed" },
    ["a cursor that is too long"] = { { SCAN = page(("1"):rep(21), "a:x") }, "failed" },
    ["a cursor that is a number"] = { { SCAN = "*2\r\n:0\r\n*0\r\n" }, "failed" },
    ["no list of keys"] = { { SCAN = "*2\r\n" .. bulk "0" .. bulk "a:x" }, "failed" },
    ["a key that is a number"] = { { SCAN = "*2\r\n" .. bulk "0" .. "*1\r\n:7\r\n" }, "failed" },
    ["a key that is nothing"] = { { SCAN = "*2\r\n" .. bulk "0" .. "*1\r\n$-1\r\n" }, "failed" },
    ["a list as a key"] = { { SCAN = "*2\r\n" .. bulk "0" .. "*1\r\n*0\r\n" }, "failed" },
    ["a removal that is a word"] = { { SCAN = page "0", UNLINK = "+OK\r\n" }, "failed", true },
    ["a removal that is nothing"] = { { SCAN = page "0", UNLINK = "$-1\r\n" }, "failed", true },
    ["no right to scan"] = { { SCAN = "-NOPERM no\r\n" }, "unauthorised" },
    ["no right to remove"] = { { SCAN = page "0", UNLINK = "-NOPERM no\r\n" }, "unauthorised", true },
    ["a replica"] = { { SCAN = page "0", UNLINK = "-READONLY no\r\n" }, "unreachable", true },
    ["a cluster"] = { { SCAN = page "0", UNLINK = "-CROSSSLOT no\r\n" }, "failed", true },
  }

  for what, case in pairs(CASES) do
    it("is refused when the server answers with " .. what, function()
      local more = case[3] and { unlink = "*2\r\n" .. bulk "UNLINK" .. bulk "a:x", unlinks = 1 } or nil
      local ok, err, got = take(case[1], more)
      assert.is_false(ok)
      assert.same({ "redis", case[2] }, { err.module, err.kind }, tostring(err))
      assert.equal(case[3] and 1 or 0, select(2, table.concat(got, " "):gsub("UNLINK", "")))
    end)
  end

  it("belongs to one connection", function()
    local _, answer = serve { SCAN = page("17", "a:x") }
    local ok, err = with_server(answer, function(client)
      local first = client:page(ask())
      client:close()
      return client:page(ask { connection = first.connection, cursor = first.cursor })
    end)
    assert.is_false(ok)
    assert.same({ "session", true }, { err.code, err.retryable }, tostring(err))
  end)
end)
