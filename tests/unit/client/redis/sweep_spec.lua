local sweep = require "o2x.client.redis.sweep"

-- A client of a server with these keys, of which it gives `at_once` a page; seconds: of the server for each page.
local function server(keys, at_once, seconds)
  local this = { asked = {}, removed = 0 }
  function this.close() this.closed = true end
  function this.info() return { db0 = { keys = #keys } } end
  function this.page(_, ask)
    table.insert(this.asked, { cursor = ask.cursor, count = ask.count, pattern = ask.pattern, unlink = ask.unlink })
    local page = { connection = this, keys = 0, parts = {}, removed = ask.unlink and ask.unlinks or 0 }
    page.seconds = seconds and seconds(#this.asked, ask.count)
    this.removed = this.removed + page.removed
    if not ask.cursor then return page end
    local from = tonumber(ask.cursor)
    for at = from + 1, math.min(from + at_once, #keys) do
      if keys[at] then
        page.keys = page.keys + 1
        page.parts[keys[at]] = (page.parts[keys[at]] or 0) + 1
      end
    end
    page.cursor = from + at_once < #keys and tostring(from + at_once) or "0"
    if ask.remove and page.keys > 0 then
      page.unlink, page.unlinks = "keys after " .. from, page.keys
    end
    return page
  end
  return this
end

describe("sweep.pattern", function()
  it("takes a prefix as it is written", function()
    assert.equal("T\\-1:*", sweep.pattern "T-1:")
    assert.equal("a\\*\\?\\[b\\]\\\\:*", sweep.pattern [[a*?[b]\:]])
    assert.equal("x:h?llo", sweep.pattern("x:", "h?llo"))
  end)
end)

describe("a walk", function()
  it("counts the keys of all pages, and their parts", function()
    local client = server({ "cache", "session", "cache" }, 2)
    local walk = sweep.new(client, "a:", {})
    walk:finish()
    assert.same({ 3, 0, { cache = 2, session = 1 } }, { walk.keys, walk.removed, walk.parts })
    assert.equal("a:*", client.asked[1].pattern)
  end)

  it("asks of one page of one command whether its keys are gone", function()
    for _, case in ipairs { { 0, false }, { 1, true }, { nil, false } } do
      local client = server({ "x", "x" }, 1)
      local page = client.page
      function client.page(this, ask)
        local answer = page(this, ask)
        if ask.prove then
          client.proved, answer.left = (client.proved or 0) + 1, case[1]
        end
        return answer
      end
      local walk = sweep.new(client, "a:", { remove = true })
      walk:finish()
      assert.same({ 1, case[2] }, { client.proved, walk.ignored or false })
    end
  end)

  it("removes the keys of a page together with the next one, and those of the last page at the end", function()
    local client = server({ "x", "x", "x", "y" }, 2)
    local walk = sweep.new(client, "a:", { remove = true })
    walk:finish()
    assert.same({ 4, 4, { x = 3, y = 1 } }, { walk.keys, walk.removed, walk.parts })
    assert.same({ nil, "keys after 0", "keys after 2" }, {
      client.asked[1].unlink,
      client.asked[2].unlink,
      client.asked[3].unlink,
    })
    assert.same({ "0", "2", nil }, { client.asked[1].cursor, client.asked[2].cursor, client.asked[3].cursor })
    assert.equal(3, #client.asked)
  end)

  it("stops at the first page with keys, having removed none, and goes on from there", function()
    local client = server({ false, false, "x", "x", false, "x" }, 2)
    local walk = sweep.new(client, "a:", { remove = true })
    assert.is_true(walk:find())
    assert.same({ 2, 0 }, { #client.asked, client.removed })
    walk:finish()
    assert.same({ 3, 3 }, { walk.removed, client.removed })
    assert.same({ 4, "4" }, { #client.asked, client.asked[3].cursor })
  end)

  it("finds nothing where nothing is", function()
    local walk = sweep.new(server({ false, false, false }, 1), "a:", { remove = true })
    assert.is_false(walk:find())
    walk:finish()
    assert.same({ 0, 0, {} }, { walk.keys, walk.removed, walk.parts })
  end)

  it("keeps twenty parts by name, however many there are", function()
    local keys = {}
    for i = 1, 100 do
      keys[i] = "part" .. i
    end
    keys[101] = ""
    local walk = sweep.new(server(keys, 7), "a:", {})
    walk:finish()
    local names = 0
    for _ in pairs(walk.parts) do
      names = names + 1
    end
    assert.same({ 21, 81 }, { names, walk.parts["(others)"] })
  end)
end)

describe("a page", function()
  -- The counts of the pages, when the server is busy for so long with each.
  local function counts(pages, seconds)
    local keys = {}
    for i = 1, pages do
      keys[i] = false
    end
    local client = server(keys, 1, seconds)
    sweep.new(client, "a:", {}):finish()
    local list = {}
    for i, asked in ipairs(client.asked) do
      list[i] = asked.count
    end
    return list
  end

  -- What the server needs for a key, in microseconds; the count that keeps it busy for 1.5 ms.
  for each, expected in pairs { [0.2] = 2000, [1] = 1500, [4] = 375, [20] = 75 } do
    it(("is as large as suits a server that takes %s µs a key"):format(each), function()
      local list = counts(12, function(_, count) return count * each / 1000000 end)
      for i = 8, 12 do
        assert.is_true(math.abs(list[i] - expected) <= 1, list[i])
      end
    end)
  end

  it("grows and shrinks by half at most", function()
    local list = counts(40, function(number) return number % 3 == 0 and 1 or 0.000001 end)
    for i = 2, #list do
      assert.is_true(list[i] <= 2 * list[i - 1] and list[i] >= list[i - 1] // 2)
    end
  end)

  it("is small where the server may not be asked for its time", function()
    local list = counts(5, function() end)
    assert.same({ 250, 500, 500, 500, 500 }, list)
  end)

  it("is never so small that the walk does not end", function()
    local list = counts(8, function() return 0.003 end)
    assert.equal(50, list[8])
  end)
end)
