-- Kubeconfigs as people have them. A number as a token made requests anonymous, without a word; `users: null`, an empty
-- file in the list and wrapped base64 were errors. kubectl's own reading is in tests/reference/kubeconfig_spec.lua.

local folder = require "tests.support.folder"
local kubeconfig = require "o2x.client.kubeconfig"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"

local FILE <const> = [[
apiVersion: v1
kind: Config
current-context: c
clusters: [{name: k, cluster: {server: "https://h:6443", certificate-authority-data: "QUJD\nREVG\n"}}]
contexts: [{name: c, context: {cluster: k, user: u, namespace: null}}]
users: [{name: u, user: {token: TOKEN, exec: null, as: null, client-certificate: ""}}]
preferences: null
]]

describe("a kubeconfig of kubectl", function()
  local place
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  local function load(text, before)
    local list = place:write("config", text)
    if before then list = place:write("before", before) .. ":" .. list end
    return kubeconfig.load { path = list }
  end

  it("is read with its nulls, wrapped base64 and empty files beside it", function()
    for _, before in ipairs { "", "\n", "# nothing yet\n", "apiVersion: v1\nclusters: null\nusers: null\n" } do
      local config = load(FILE, before)
      assert.is_true(secret.equal(config:credentials().token, secret.new("TOKEN", "t")))
      assert.same({ "ABCDEF", "default" }, { config.ca, config.namespace })
    end
  end)

  it("is never read as that of nobody", function()
    for _, token in ipairs { "1234567", "1e6", "true", "[a]", "null", "''" } do
      local problem = raised(load, (FILE:gsub("TOKEN", token)))
      assert.equal("input", problem.kind, token)
      assert.is_nil(tostring(problem):find "\n")
    end
  end)

  it("without anything in it is refused in one line", function()
    local problem = raised(load, 'apiVersion: v1\nclusters: null\ncontexts: null\nusers: null\ncurrent-context: ""\n')
    assert.matches("no current context", problem.message)
  end)
end)
