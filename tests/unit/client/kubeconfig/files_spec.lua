local files = require "o2x.client.kubeconfig.files"
local folder = require "tests.support.folder"
local raised = require "tests.support.raised"

describe("kubeconfig files", function()
  local place
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  local function load(text) return files.load(place:write("config", text)) end

  it("are merged, the first to name a thing wins", function()
    place:write("one", "current-context: a\nusers:\n- name: u\n  user: {token: first}\n")
    place:write("two", "current-context: b\nusers:\n- name: u\n  user: {token: second}\n- name: v\n")
    local all = files.load(table.concat({ place:at "none", place:at "one", place:at "two" }, ":"))
    assert.equal("a", all.current)
    assert.equal("first", all.user.u.value.token)
    assert.same({}, all.user.v.value)
    assert.equal(place:at "one", all.path)
    assert.is_nil(files.load(place:at "none"))
  end)

  it("leave out null, empty texts and unknown fields, and decode base64", function()
    local all = load [[
clusters:
- name: k
  cluster: {server: "", tls-server-name: null, other: 7, certificate-authority-data: "QU\nJD"}
contexts: null
]]
    assert.same({ ["certificate-authority-data"] = "ABC" }, all.cluster.k.value)
    assert.same({}, all.context)
  end)

  it("may be empty", function()
    for _, text in ipairs { "", "# x\n", "null\n", "---\n---\nusers: [{name: u}]\n" } do
      assert.same({}, load(text).user)
    end
  end)

  for what, text in pairs {
    ["token must be a text, not a number"] = "users: [{name: u, user: {token: 7}}]",
    ["insecure%-skip%-tls%-verify must be true or false"] = "clusters: [{name: k,"
      .. " cluster: {insecure-skip-tls-verify: 'x'}}]",
    ['users has two entries named "u"'] = "users: [{name: u}, {name: u}]",
    ["as%-groups must not be a string"] = "users: [{name: u, user: {as-groups: a}}]",
    ["as%-groups must be a list of texts"] = "users: [{name: u, user: {as-groups: [7]}}]",
    ["as%-user%-extra.k must not be a string"] = "users: [{name: u, user: {as-user-extra: {k: v}}}]",
    ["client%-key%-data is not base64"] = "users: [{name: u, user: {client-key-data: 'QU JD'}}]",
    ["client%-certificate%-data is not base64"] = "users: [{name: u, user: {client-certificate-data: QQ}}]",
    ["exec: env has an entry that is not a map"] = "users: [{name: u, user: {exec: {env: [7]}}}]",
    ["kind is Pod"] = "kind: Pod",
    ["apiVersion is v2"] = "apiVersion: v2",
  } do
    it("are refused in one line: " .. what, function()
      local problem = raised(load, text)
      assert.equal("input", problem.kind)
      assert.matches(what, problem.message)
      assert.equal(place:at "config", problem.where)
    end)
  end

  it("name other files relative to themselves", function()
    local entry = { path = "/a/b/config" }
    assert.equal("/a/b/ca.pem", files.resolve(entry, "ca.pem"))
    assert.equal("/ca.pem", files.resolve(entry, "/ca.pem"))
    assert.equal("./ca.pem", files.resolve({ path = "config" }, "ca.pem"))
  end)
end)
