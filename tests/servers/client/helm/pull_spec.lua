-- Charts of a registry and of a repository on loopback, pulled by the real helm.
local chart_server = require "tests.support.chart_server"
local environment = require "o2x.project.environment"
local fs = require "o2x.base.fs"
local helm = require "o2x.client.helm"
local proc = require "o2x.base.proc"
local pull = require "o2x.client.helm.pull"
local raised = require "tests.support.raised"

local KUBECONFIG <const> = { revision = function() return 1 end, text = function() return "{}" end }

local function chart(version, text)
  return chart_server.pack {
    ["Chart.yaml"] = ("apiVersion: v2\nname: app\nversion: %s\n"):format(version or "1.2.3"),
    ["templates/a.yaml"] = text or "a: 1\n",
  }
end

describe("a chart of a server", function()
  local dir, client, server

  -- A test with a server of its own, which has app 1.2.3.
  local function with(what, o, body)
    it(what, function()
      dir, server = fs.temp_folder(), chart_server.start(o)
      client = helm.new { kubeconfig = KUBECONFIG, folder = dir .. "/run", cache = dir .. "/cache" }
      local ok, problem = pcall(body, server:publish("app", "1.2.3", chart()))
      server:stop()
      fs.remove_tree(dir)
      if not ok then error(problem, 0) end
    end)
  end

  -- The same chart by either way.
  local function sources(digest)
    return {
      registry = { chart = ("oci://%s/charts/app"):format(server.host), version = "1.2.3", digest = digest },
      repository = { chart = "app", repo = server.url .. "/repo", version = "1.2.3", digest = digest },
    }
  end

  local LOGIN <const> = { user = "me", password = "s3cret-of-mine" }
  local NONE <const> = { helm = { registry_config = "/dev/null", repository_config = "/dev/null" } }

  for _, way in ipairs { "registry", "repository" } do
    with("by a " .. way .. " is a folder, and is asked for once", nil, function(digest)
      local source = sources(digest)[way]
      local folder = pull.folder(client, source, NONE)
      assert.equal("a: 1\n", fs.read(folder .. "/templates/a.yaml"))
      local before = server.requests
      assert.equal(folder, pull.folder(client, source, NONE))
      client:close()
      server:stop() -- from now on, only the cache has it
      assert.equal("a: 1\n", fs.read(pull.folder(client, source, NONE) .. "/templates/a.yaml"))
      assert.equal(before, server.requests)
      client:close()
      assert.is_false(fs.exists(folder))
    end)

    with("by a " .. way .. " without a digest is refused, with the digest that is there", nil, function(digest)
      local e = raised(pull.folder, client, sources(nil)[way], NONE)
      assert.equal("input", e.kind)
      assert.matches("has no digest", e.message)
      assert.is_truthy(e.hint:find("digest: " .. digest, 1, true), e.hint)
    end)

    with("by a " .. way .. " that has changed since it was pinned is refused", nil, function(digest)
      server:publish("app", "1.2.3", chart("1.2.3", "a: 2\n"))
      server.entries[1] = ""
      local e = raised(pull.folder, client, sources(digest)[way], NONE)
      assert.equal("refused", e.kind)
      assert.matches("is not the chart that was pinned", e.message)
      assert.is_false(fs.exists(dir .. "/cache/o2x/charts"))
    end)

    with("by a " .. way .. " with a login is pulled with it, and not without", LOGIN, function(digest)
      local source = sources(digest)[way]
      local e = raised(pull.folder, client, source, NONE)
      assert.equal("unauthorised", e.kind, tostring(e))
      local config = { helm = { registry_config = dir .. "/registry.json", repository_config = dir .. "/repos.yaml" } }
      fs.write(
        dir .. "/registry.json",
        ('{"auths":{"%s":{"auth":"%s"}}}'):format(server.host, require("o2x.base.crypto").base64 "me:s3cret-of-mine")
      )
      fs.write(
        dir .. "/repos.yaml",
        ("repositories:\n- {name: mine, url: '%s/repo/', username: me, password: s3cret-of-mine}\n"):format(server.url)
      )
      assert.equal("a: 1\n", fs.read(pull.folder(client, source, config) .. "/templates/a.yaml"))
    end)

    with("by a " .. way .. " that has it not, or does not answer, is an error with a way on", nil, function(digest)
      local source = sources(digest)[way]
      source.version, source.digest = "9.9.9", "sha256:" .. ("0"):rep(64)
      local e = raised(pull.folder, client, source, NONE)
      assert.equal("input", e.kind, tostring(e))
      server:stop()
      e = raised(pull.folder, client, source, NONE)
      assert.same({ "unreachable", true }, { e.kind, e.retryable }, tostring(e))
    end)
  end

  with(
    "whose index has whole URLs is pulled as well",
    { absolute = true },
    function(digest) assert.is_string(pull.folder(client, sources(digest).repository, NONE)) end
  )

  with("is compared with its digest in the cache, too", nil, function(digest)
    local source = sources(digest).registry
    pull.folder(client, source, NONE)
    client:close()
    local path = ("%s/cache/o2x/charts/%s.tgz"):format(dir, digest:sub(8))
    fs.write(path, chart("1.2.3", "a: evil\n"))
    assert.equal("a: 1\n", fs.read(pull.folder(client, source, NONE) .. "/templates/a.yaml"))
    assert.equal(digest, chart_server.digest(fs.read(path)))
  end)

  with("of another version than was asked for is refused", nil, function()
    local digest = server:publish("app", "2.0.0", chart "1.2.3")
    local source = { chart = ("oci://%s/charts/app"):format(server.host), version = "2.0.0", digest = digest }
    assert.matches("is that of version 1.2.3, not of 2.0.0", raised(pull.folder, client, source, NONE).message)
  end)

  with("that is an archive of something else is refused", nil, function()
    fs.write(dir .. "/x/app/Chart.yaml", "name: app\nversion: 1.2.3\n", { parents = true })
    proc.run { argv = { "ln", "-s", "/etc/passwd", dir .. "/x/app/values.yaml" } }
    proc.run { argv = { "tar", "-czf", dir .. "/x.tgz", "-C", dir .. "/x", "app" } }
    local digest = server:publish("app", "1.2.3", fs.read(dir .. "/x.tgz"))
    local source = { chart = ("oci://%s/charts/app"):format(server.host), version = "1.2.3", digest = digest }
    assert.matches("neither a file nor a folder", raised(pull.folder, client, source, NONE).message)
  end)

  with("that the platform does not name is refused before anything is sent", nil, function(digest)
    client.charts = { pull.name(sources(digest).repository) }
    assert.is_string(pull.folder(client, sources(digest).repository, NONE))
    local before = server.requests
    local e = raised(pull.folder, client, sources(digest).registry, NONE)
    assert.equal("refused", e.kind)
    assert.matches("is not among those of the platform", e.message)
    assert.equal(before, server.requests)
  end)

  local DIGEST <const> = "sha256:" .. ("a"):rep(64)
  local WRONG <const> = {
    { chart = "oci://h/app", version = "1.2", digest = DIGEST },
    { chart = "oci://h/app", version = "^1.2.0", digest = DIGEST },
    { chart = "oci://h/app", version = "latest", digest = DIGEST },
    { chart = "oci://h/app", digest = DIGEST },
    { chart = "oci://h/app:1.2.3", version = "1.2.3", digest = DIGEST },
    { chart = "oci://h/app@sha256:aa", version = "1.2.3", digest = DIGEST },
    { chart = "oci://user:pw@h/app", version = "1.2.3", digest = DIGEST },
    { chart = "oci://h", version = "1.2.3", digest = DIGEST },
    { chart = "oci://h/app", version = "1.2.3", digest = "sha256:aa" },
    { chart = "oci://h/app", version = "1.2.3", digest = "md5:aa" },
    { chart = "https://h/app.tgz", version = "1.2.3", digest = DIGEST },
    { chart = "app", version = "1.2.3", digest = DIGEST },
    { chart = "--help", repo = "https://h/r", version = "1.2.3", digest = DIGEST },
    { chart = "a/b", repo = "https://h/r", version = "1.2.3", digest = DIGEST },
    { chart = "app", repo = "file:///etc", version = "1.2.3", digest = DIGEST },
    { chart = "app", repo = "https://user:pw@h/r", version = "1.2.3", digest = DIGEST },
    { chart = "app", repo = "--help", version = "1.2.3", digest = DIGEST },
    { chart = 5, repo = {}, version = {}, digest = {} },
  }
  with("that is named wrongly is bad input", nil, function()
    for i, source in ipairs(WRONG) do
      local e = raised(pull.folder, client, source, NONE)
      assert.equal("input", e.kind, i .. ": " .. tostring(e))
    end
  end)

  with("is pulled without TLS only from this machine and from allowed hosts", nil, function()
    local source = { chart = "app", repo = "http://charts.example.com/x", version = "1.2.3", digest = DIGEST }
    local e = raised(pull.folder, client, source, NONE)
    assert.equal("refused", e.kind)
    assert.matches("O2X_CLEARTEXT_HOSTS=charts.example.com", e.hint)
  end)

  it("finds its logins where helm's own variables say", function()
    local env = { HELM_REGISTRY_CONFIG = "/r.json", HELM_REPOSITORY_CONFIG = "/r.yaml", HELM_CONFIG_HOME = "/c" }
    assert.equal("/r.json", (environment.value("helm.registry_config", env)))
    assert.equal("/r.yaml", (environment.value("helm.repository_config", env)))
    assert.matches("HELM_CONFIG_HOME", environment.warnings(env)[1])
  end)

  -- What helm says → the kind of error. Ports and names look like status codes and reasons.
  local SAID <const> = {
    ['GET "http://127.0.0.1:40300/v2/timeout/manifests/1.2.3": response status code 404: not found'] = "input",
    ['chart "EOF" version "1.2.3" not found in http://127.0.0.1:36403/repo repository'] = "input",
    ["failed to fetch https://h:50400/r/index.yaml : 401 Unauthorized"] = "unauthorised",
    ["failed to fetch https://h:40400/r/index.yaml : 403 Forbidden"] = "unauthorised",
    ["failed to fetch https://h:40400/r/index.yaml : 503 Service Unavailable"] = "unreachable",
    ['GET "https://h:40100/v2/x": response status code 429: toomanyrequests'] = "unreachable",
    ['Get "https://h:40100/v2/": dial tcp 127.0.0.1:40300: connect: connection refused'] = "unreachable",
    ["something else about https://h:40300/not/found"] = "failed",
  }
  local FAKE <const> = [[
#!/bin/sh
[ "$1" = version ] && echo v3.22.0 && exit
cat >&2 <<'END'
Error: %s
END
exit 1
]]
  with("fails for the reason that helm says", nil, function(digest)
    client.program = dir .. "/helm"
    for text, kind in pairs(SAID) do
      fs.write(client.program, FAKE:format(text), { mode = tonumber("700", 8) })
      local e = raised(pull.folder, client, sources(digest).registry, NONE)
      assert.equal(kind, e.kind, tostring(e))
      assert.is_truthy(e.message:find(text, 1, true), e.message)
      assert.equal(kind == "unreachable", e.retryable == true, text)
    end
  end)
end)
