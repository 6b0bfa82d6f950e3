-- Servers that answer what nobody expects: each client gives one line of an error that is not a bug of o2x, or gets
-- along with it. Nothing hangs, and no error of Lua comes out.

local broker = require "o2x.client.broker"
local errors = require "o2x.base.error"
local k8s = require "o2x.client.k8s"
local raw_server = require "tests.support.raw_server"
local route53 = require "o2x.client.aws.route53"
local s3 = require "o2x.client.aws.s3"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"
local vault = require "o2x.client.vault"

local JSON <const> = {
  "",
  " ",
  "null",
  "true",
  "1",
  "-0",
  "1e308",
  '"text"',
  "[]",
  "{}",
  "[null]",
  "[[]]",
  '[{"a":1}]',
  "{",
  '{"a"',
  "<html>no</html>",
  "\0",
  "\xff\xfe",
  ("["):rep(5000),
  ("["):rep(60) .. ("]"):rep(60),
  '{"a":' .. ("9"):rep(400) .. "}",
  '{"data":null}',
  '{"data":[]}',
  '{"data":1}',
  '{"data":"x"}',
  '{"data":{}}',
  '{"data":{"data":null}}',
  '{"data":{"data":{}}}',
  '{"data":{"data":{"a":"b"}}}',
  '{"data":{"data":[],"metadata":{"version":1}}}',
  '{"data":{"data":"x","metadata":{"version":1}}}',
  '{"data":{"data":{"a":1},"metadata":null}}',
  '{"data":{"data":{"a":1},"metadata":{"version":"1"}}}',
  '{"data":{"metadata":[]}}',
  '{"data":{"version":null}}',
  '{"data":{"keys":null}}',
  '{"data":{"keys":"x"}}',
  '{"data":{"keys":{"a":1}}}',
  '{"data":{"keys":[1,null]}}',
  '{"errors":"x"}',
  '{"errors":{}}',
  '{"errors":{"a":"b"}}',
  '{"errors":[{"a":"b"}]}',
  '{"errors":[null,[1]]}',
  '{"errors":null}',
  '{"warnings":"x"}',
  '{"warnings":[{}]}',
  '{"warnings":{"a":1}}',
  '{"auth":1}',
  '{"auth":{"client_token":7}}',
  '{"items":null}',
  '{"items":1}',
  '{"items":"x"}',
  '{"items":{}}',
  '{"items":[1]}',
  '{"items":[null]}',
  '{"items":[{}]}',
  '{"items":[{"metadata":1}]}',
  '{"items":[{"metadata":{}}]}',
  '{"items":[{"metadata":{"name":1}}]}',
  '{"items":[],"metadata":1}',
  '{"items":[],"metadata":{"continue":1}}',
  '{"items":[],"metadata":{"continue":{}}}',
  '{"items":[],"metadata":{"continue":"same"}}',
  '{"metadata":"x"}',
  '{"metadata":{"annotations":1}}',
  '{"kind":"Status","message":{"a":1}}',
  '{"kind":"Status","details":1,"reason":[]}',
  '{"kind":"Status","details":{"causes":1}}',
  '{"kind":"Status","details":{"causes":[1]}}',
  '{"kind":"APIGroupDiscoveryList","items":1}',
  '{"kind":"APIGroupDiscoveryList","items":[{"versions":[{"resources":[1]}]}]}',
  '{"versions":"v1"}',
  '{"versions":[1]}',
  '{"versions":["v1"],"resources":[{"name":1}],"groups":[1]}',
  '{"gitVersion":1}',
  '{"spec":1,"status":"x"}',
  '{"status":200}',
  '{"status":200,"value":1}',
  '{"status":200,"value":"x"}',
  '{"status":200,"value":[1]}',
  '{"status":200,"value":{"x":1}}',
  '{"status":200,"value":{"x":{"QueueSize":"1"}}}',
  '{"status":"200"}',
  '{"status":404,"error_type":1}',
  '{"status":500,"error":{"a":1}}',
  '{"status":{}}',
} -- stylua: ignore

local XML <const> = {
  "",
  "text",
  "<",
  "<a",
  "<a/>",
  "<a></b>",
  "<a>" .. ("<b>"):rep(100),
  "<html><p>no</p></html>",
  "{}",
  "\0",
  "<R><IsTruncated>true</IsTruncated></R>",
  "<R><Contents/></R>",
  "<R><Contents><Key/></Contents></R>",
  "<R><Contents><Key>k</Key></Contents></R>",
  "<R><Contents><Key>k</Key><Size>x</Size></Contents></R>",
  "<R><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></R>",
  "<R><IsTruncated>true</IsTruncated><NextMarker>t</NextMarker></R>",
  "<R><IsTruncated>true</IsTruncated><NextMarker/></R>",
  "<R><HostedZones/></R>",
  "<R><HostedZones><Z/></HostedZones></R>",
  "<R><HostedZones><Z><Id>/a/</Id></Z></HostedZones></R>",
  "<R><ResourceRecordSets><S/></ResourceRecordSets></R>",
  "<R><ResourceRecordSets><S><Name>a</Name></S></ResourceRecordSets></R>",
  "<R><ResourceRecordSets><S><Name>a</Name><Type>A</Type>"
    .. "<ResourceRecords><V/></ResourceRecords></S></ResourceRecordSets></R>",
  "<R><IsTruncated>true</IsTruncated><NextRecordName>a</NextRecordName></R>",
  "<R><IsTruncated>true</IsTruncated><NextRecordName>a</NextRecordName><NextRecordType>A</NextRecordType></R>",
  "<R><ChangeInfo/></R>",
  "<R><ChangeInfo><Id>/</Id></ChangeInfo></R>",
  "<Error/>",
  "<Error><Code/></Error>",
  "<E><Error><Code>X</Code></Error></E>",
  "<E><Messages/></E>",
  '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
} -- stylua: ignore

local function vault_of(url) return vault.new { addr = url, token = secret.new("token", "t"), timeout = 5 } end

local function k8s_of(url)
  return k8s.new {
    config = {
      server = url,
      namespace = "n",
      context = "c",
      credentials = function() return {} end,
      refresh = function() end,
    },
    retry_seconds = 0.1,
  }
end

-- A cluster whose kinds are known already.
local function known_of(url)
  local client = k8s_of(url)
  local resource = {
    kind = "Pod",
    plural = "pods",
    group = "",
    version = "v1",
    api_version = "v1",
    base = "/api/v1",
    namespaced = true,
  }
  function client.kinds()
    return { need = function() return resource end }
  end
  return client
end

local function broker_of(url) return broker.new { url = url } end

local KEYS <const> =
  { region = "us-east-1", access_key = "a", secret_key = secret.new("secret-key", "k"), pause = 0.001 }
local function aws_of(module)
  return function(url)
    local options = { endpoint = url }
    for name, value in pairs(KEYS) do
      options[name] = value
    end
    return module.new(options)
  end
end
local s3_of, route53_of = aws_of(s3), aws_of(route53)

-- client and call → bodies
local CALLS <const> = {
  ["vault read"] = { JSON, vault_of, function(c) return c:read "tenant/a" end },
  ["vault list"] = { JSON, vault_of, function(c) return c:list "tenant/a" end },
  ["vault put"] = { JSON, vault_of, function(c) return c:put("tenant/a", { b = "c" }) end },
  ["vault patch"] = { JSON, vault_of, function(c) return c:patch("tenant/a", { b = "c" }) end },
  ["vault delete"] = { JSON, vault_of, function(c) return c:delete "tenant/a" end },
  ["vault health"] = { JSON, vault_of, function(c) return c:health() end },
  ["vault token"] = { JSON, vault_of, function(c) return c:token_info() end },
  ["vault try token"] = { JSON, vault_of, function(c) return c:try_token("x", "tenant/a") end },
  ["vault login"] = {
    JSON,
    function(url) return vault.new { addr = url, role_id = "r", secret_id = secret.new("secret-id", "s") } end,
    function(c) return c:read "tenant/a" end,
  },
  ["k8s kinds"] = { JSON, k8s_of, function(c) return c:kinds() end },
  ["k8s version"] = { JSON, k8s_of, function(c) return c:version() end },
  ["k8s get"] = { JSON, known_of, function(c) return c:get("Pod", "a") end },
  ["k8s list"] = { JSON, known_of, function(c) return c:list "Pod" end },
  ["k8s apply"] = {
    JSON,
    known_of,
    function(c) return c:apply { apiVersion = "v1", kind = "Pod", metadata = { name = "a" } } end,
  },
  ["k8s delete"] = { JSON, known_of, function(c) return c:delete("Pod", "a") end },
  ["broker queues"] = { JSON, broker_of, function(c) return c:queues "a." end },
  ["broker queue"] = { JSON, broker_of, function(c) return c:queue "a.b" end },
  ["broker add"] = { JSON, broker_of, function(c) return c:add_queue "a.b" end },
  ["s3 list"] = { XML, s3_of, function(c) return c:list("bucket", "a/") end },
  ["s3 head"] = { XML, s3_of, function(c) return c:head("bucket", "a/b") end },
  ["s3 delete"] = { XML, s3_of, function(c) return c:delete("bucket", "a/b") end },
  ["route53 zones"] = { XML, route53_of, function(c) return c:list_zones() end },
  ["route53 records"] = { XML, route53_of, function(c) return c:records "Z" end },
  ["route53 status"] = { XML, route53_of, function(c) return c:status "C" end },
  ["route53 change"] = {
    XML,
    route53_of,
    function(c)
      return c:change("Z", { { action = "UPSERT", name = "a.", type = "A", ttl = 60, values = { "192.0.2.1" } } })
    end,
  },
}

local STATUSES <const> = { 200, 400, 404, 500 }

describe("an odd answer", function()
  for name, case in pairs(CALLS) do
    it("is one line of an error, or none: " .. name, function()
      local status, body
      local server <close> = raw_server.serve(
        function(_, send)
          send(("HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"):format(status, #body, body))
        end
      )
      local url, wrong = "http://127.0.0.1:" .. server.port, {}
      for _, with in ipairs(STATUSES) do
        for _, text in ipairs(case[1]) do
          status, body = with, text
          local client = case[2](url)
          local ok, err = xpcall(task.timeout, errors.handler, 20, case[3], client)
          local fine = ok or err.kind ~= "bug" and not tostring(err):find "\n" and err.kind ~= "timeout"
          if not fine then wrong[#wrong + 1] = ("%d %s\n  %s"):format(with, text:sub(1, 80), tostring(err)) end
        end
      end
      assert.equal("", table.concat(wrong, "\n"))
    end)
  end
end)
