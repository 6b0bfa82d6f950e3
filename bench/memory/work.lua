-- One piece of work of bench/memory.lua, of a given size: work.lua NAME SIZE [ADDRESS]. Its memory is measured.

package.path = "./?.lua;" .. package.path

local work = {}

-- ---- Redis ----

function work.redis(size, url)
  local client <close> = require("o2x.client.redis").connect { url = url }
  assert(client:count "TIDLT-100008:" == size)
end

function work.flush(size, url)
  local client <close> = require("o2x.client.redis").connect { url = url }
  assert(client:unlink "TIDLT-100008:" == size)
end

-- ---- programs ----

function work.program(size)
  local lines = 0
  require("o2x.base.proc").run {
    argv = { "seq", "-f", "a line of a program's output with the number %.0f", tostring(size) },
    keep = false,
    on_line = function() lines = lines + 1 end,
  }
  assert(lines == size)
end

-- ---- PostgreSQL ----

local function database(url)
  local port, user, password, name = url:match "^(%d+) (%S+) (%S+) (%S+)$"
  local options = { host = "127.0.0.1", port = tonumber(port), user = user, password = password, dbname = name }
  return require("o2x.client.pg").connect(options), options
end

function work.queries(size, url)
  local db <close> = database(url)
  for _ = 1, size do
    assert(#db:rows "SELECT n, repeat('x', 100) AS text FROM generate_series(1, 5000) AS n" == 5000)
  end
end

function work.copy_out(size, url)
  local db <close> = database(url)
  local seen = 0
  db:copy_out(
    ("COPY (SELECT n, repeat('x', 100) FROM generate_series(1, %d) AS n) TO STDOUT"):format(size),
    function() seen = seen + 1 end
  )
  assert(seen == size)
end

function work.copy_in(size, url)
  local db <close> = database(url)
  db:query "CREATE TEMPORARY TABLE copied (n integer, text text)"
  local sent = 0
  db:copy_in("COPY copied FROM STDIN", function()
    if sent >= size then return nil end
    sent = sent + 100
    return (("7\t" .. ("x"):rep(100) .. "\n"):rep(100))
  end)
end

function work.archive(size, url)
  local db <close>, options = database(url)
  local archive, fs = require "o2x.client.pg.archive", require "o2x.base.fs"
  db:query "DROP TABLE IF EXISTS core"
  db:query(("CREATE TABLE core AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, %d) AS n"):format(size))
  local folder = fs.temp_folder()
  archive.dump(options, folder .. "/archive")
  local rules = { path = folder .. "/archive", functions = {}, roles = { [options.user] = true }, extensions = {} }
  local counts = require("o2x.client.pg.restore").inspect(rules, "public.core")
  assert(counts["public.core"] == size)
  assert(archive.contents(rules.path)["public.core"] == size)
  archive.header(rules.path)
  fs.remove_tree(folder)
end

-- ---- HTTP: bench/memory/server.lua answers ----

function work.answers(size, url)
  local http = require "o2x.client.http"
  for _ = 1, size do
    assert(#http.request({ url = url .. "/bytes/1000000" }).body == 1000000)
  end
end

function work.stream(size, url)
  local http, seen = require "o2x.client.http", 0
  local stream <close> = http.stream { url = ("%s/lines/%d"):format(url, size) }
  for _ in stream:lines() do
    seen = seen + 1
  end
  assert(seen == size, seen)
end

function work.download(size, url)
  local fs = require "o2x.base.fs"
  local folder = fs.temp_folder()
  local s3 = require("o2x.client.aws.s3").new { endpoint = url, keys = { id = "a", secret = "b" }, region = "x" }
  s3:get_file("bytes", tostring(size), folder .. "/file")
  assert(fs.stat(folder .. "/file").size == size)
  fs.remove_tree(folder)
end

function work.upload(size, url)
  local fs, proc = require "o2x.base.fs", require "o2x.base.proc"
  local folder = fs.temp_folder()
  proc.run { argv = { "truncate", "-s", tostring(size), folder .. "/file" } }
  local http = require "o2x.client.http"
  assert(http.request({ url = url .. "/taken", method = "PUT", body_file = folder .. "/file" }).status == 200)
  fs.remove_tree(folder)
end

-- A client of a cluster that the server of the test plays.
local function cluster(url)
  local config = { server = url, namespace = "acme" }
  function config.credentials() return {} end
  function config.refresh() return false end
  local client = require("o2x.client.k8s").new { config = config }
  local pod = { kind = "Pod", plural = "pods", base = "/api/v1", group = "", api_version = "v1", namespaced = true }
  function client.kinds()
    return { need = function() return pod end }
  end
  return client
end

function work.logs(size, url)
  local client = cluster(url .. "/lines/" .. size)
  assert(#client:logs "acme-1" > 4000000)
end

function work.list(size, url)
  local client, seen = cluster(url .. "/pods/" .. size), 0
  client:pages(client:resource "Pod", "acme", {}, function(list) seen = seen + #list.items end)
  assert(seen == size, seen)
end

local name, size, address = arg[2], math.tointeger(tonumber(arg[3])), arg[4]
work[name](size, address)
