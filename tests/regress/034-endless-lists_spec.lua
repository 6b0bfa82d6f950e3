-- Lists whose next page never stopped coming, and a scan whose cursor never came back to 0, were followed for ever.
-- Each ends with one line.

local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local limits = require "o2x.base.limits"
local raw_server = require "tests.support.raw_server"
local route53 = require "o2x.client.aws.route53"
local s3 = require "o2x.client.aws.s3"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"
local with_redis = require "tests.support.redis_answers"

local KEYS <const> =
  { region = "us-east-1", access_key = "a", secret_key = secret.new("secret-key", "k"), pause = 0.001 }

local function aws(module, url)
  return module.new {
    endpoint = url,
    region = KEYS.region,
    access_key = KEYS.access_key,
    secret_key = KEYS.secret_key,
    pause = KEYS.pause,
  }
end

local function pods(url)
  local client = k8s.new {
    config = { server = url, namespace = "n", credentials = function() return {} end, refresh = function() end },
  }
  local pod = {
    kind = "Pod",
    plural = "pods",
    group = "",
    version = "v1",
    api_version = "v1",
    base = "/api/v1",
    namespaced = true,
  }
  function client.kinds()
    return { need = function() return pod end }
  end
  return client:list "Pod"
end

-- what → the page of a place, and the call
local LISTS <const> = {
  ["the cluster's list of pods"] = {
    function(place)
      return json.encode {
        items = json.array { { metadata = { name = "a" } } },
        metadata = { continue = place, resourceVersion = "1" },
      }
    end,
    pods,
  },
  ["S3's list of bucket"] = {
    function(place)
      local text = "<R><Contents><Key>a</Key></Contents><IsTruncated>true</IsTruncated>"
      return text .. ("<NextContinuationToken>%s</NextContinuationToken></R>"):format(place)
    end,
    function(url) return aws(s3, url):list("bucket", "a/") end,
  },
  ["Route 53's list of zones"] = {
    function(place)
      local text = "<R><HostedZones><Z><Id>/z/1</Id><Name>a.</Name></Z></HostedZones><IsTruncated>true</IsTruncated>"
      return text .. ("<NextMarker>%s</NextMarker></R>"):format(place)
    end,
    function(url) return aws(route53, url):list_zones() end,
  },
  ["Route 53's list of the records of Z"] = {
    function(place)
      local text = "<R><ResourceRecordSets/><IsTruncated>true</IsTruncated><NextRecordType>A</NextRecordType>"
      return text .. ("<NextRecordName>%s</NextRecordName></R>"):format(place)
    end,
    function(url) return aws(route53, url):records "Z" end,
  },
}

local function fails(fn, ...)
  local ok, err = pcall(task.timeout, 60, fn, ...)
  assert.is_false(ok)
  return tostring(err)
end

describe("a list without end", function()
  after_each(function() limits.use() end)

  for what, case in pairs(LISTS) do
    local function served(place_of)
      local number = 0
      local server <close> = raw_server.serve(function(_, send)
        number = number + 1
        local body = case[1](place_of(number))
        send(("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"):format(#body, body))
      end)
      return fails(case[2], "http://127.0.0.1:" .. server.port), number
    end

    it("ends when a page begins where an earlier one did: " .. what, function()
      local message, pages = served(function() return "same" end)
      assert.truthy(message:find(what .. " does not end", 1, true), message)
      assert.is_true(pages <= 4, pages)
      message, pages = served(function(number) return "place" .. number % 5 end)
      assert.truthy(message:find(what .. " does not end", 1, true), message)
      assert.is_true(pages < 30, pages)
    end)

    it("ends at a number of pages: " .. what, function()
      limits.use { pages = 20 }
      local message, pages = served(function(number) return "place" .. number end)
      assert.truthy(message:find(what .. ": more than 20 pages", 1, true), message)
      assert.equal(20, pages)
    end)
  end

  -- The message of a count against a server that answers each command by what answer(command) gives.
  local function scan(answer)
    local message
    with_redis(answer, function(client) message = fails(client.count, client, "a:") end)
    return message
  end

  local function page(cursor) return ("*2\r\n$%d\r\n%s\r\n*0\r\n"):format(#cursor, cursor) end

  it("ends when the cursor of a scan goes round", function()
    assert.matches(
      "the scan of Redis does not end",
      scan(function(command) return command == "PING" and "+PONG\r\n" or page "7" end)
    )
  end)

  it("ends when the cursor of a scan is new each time", function()
    limits.use { pages = 1 }
    local number = 0
    assert.matches(
      "the scan of Redis: more than",
      scan(function(command)
        number = number + 1
        return command == "PING" and "+PONG\r\n" or page(tostring(number))
      end)
    )
  end)

  for what, answer in pairs {
    ["nested lists"] = ("*1\r\n"):rep(100),
    ["an endless list"] = "*2147483647\r\n",
    ["an endless text"] = "$2147483647\r\nabc",
    ["a negative length"] = "$-7\r\n",
    ["text"] = "+7\r\n",
    ["a number"] = ":7\r\n",
    ["a list of numbers"] = "*2\r\n:1\r\n:2\r\n",
    ["a page of numbers"] = "*2\r\n$1\r\n7\r\n*1\r\n:3\r\n",
    ["a cursor that is none"] = page "next",
    ["nothing known"] = "?\r\n",
  } do
    it("is no " .. what, function()
      local message = scan(function(command) return command == "PING" and "+PONG\r\n" or answer end)
      assert.falsy(message:find "traceback", message)
      assert.falsy(message:find "%.lua:", message)
    end)
  end
end)
