-- The log of a pod was read whole, up to the longest answer there is, and a longer one was an error: what was wanted
-- was its end.

local http = require "o2x.client.http"
local raw_server = require "tests.support.raw_server"
local task = require "o2x.base.task"

local MOST <const> = 128 * 1024 -- bytes that are kept
local LINE <const> = "line %07d of a log that has many lines, as logs have\n"

describe("the end of an answer", function()
  -- Asks a server that sends so many lines. -> the answer; how many bytes of Lua were held at most
  local function ask(lines, most, head)
    local held, before = 0, nil
    local server <close> = raw_server.serve(function(_, send, connection)
      send(
        head or ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"):format(lines * #LINE:format(0))
      )
      for from = 1, lines, 1000 do
        local portion = {}
        for i = from, math.min(from + 999, lines) do
          portion[#portion + 1] = LINE:format(i)
        end
        local bytes, at = table.concat(portion), 1
        while at <= #bytes do
          local put, _, code = connection:write(bytes:sub(at))
          if not put and code ~= "EAGAIN" then return end
          if not put then task.wait_fd(connection:fd(), "w", 30) end
          at = at + (put or 0)
        end
        collectgarbage()
        held = math.max(held, collectgarbage "count" - before)
      end
    end)
    collectgarbage()
    before = collectgarbage "count"
    local response = http.request_last({ url = ("http://127.0.0.1:%d/log"):format(server.port) }, most)
    return response, held * 1024
  end

  for _, lines in ipairs { 0, 1, 1000, 20000, 80000, 800000 } do
    it(("is all that is held of it: %d lines"):format(lines), function()
      local response, held = ask(lines, MOST)
      local size = #LINE:format(0)
      assert.equal(200, response.status)
      assert.equal(math.min(MOST, lines * size), #response.body)
      if lines > 0 then assert.equal(LINE:format(lines), response.body:sub(-size)) end
      assert.is_true(held < MOST + 512 * 1024, held) -- and portions on both sides
    end)
  end

  it("is the answer where that is short", function()
    local response = ask(3, 1 << 20)
    assert.equal(LINE:format(1) .. LINE:format(2) .. LINE:format(3), response.body)
  end)

  it("is not waited for for ever", function()
    local server <close> = raw_server.serve(function(_, send, connection)
      send "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
      task.wait_fd(connection:fd(), "r", 30) -- until the other side hangs up
    end)
    local request = { url = ("http://127.0.0.1:%d/log"):format(server.port), timeout = 0.3 }
    local ok, err = pcall(task.timeout, 30, http.request_last, request, MOST)
    assert.is_false(ok)
    assert.matches("GET .*/log: Timeout was reached", tostring(err))
  end)

  it("comes with any status", function()
    local response = ask(1, 10, "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n")
    assert.same({ 404, LINE:format(1):sub(-10) }, { response.status, response.body })
  end)
end)
