local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local versions = require "o2x.project.versions"

describe("versions.lock", function()
  local place, project
  before_each(function()
    place = folder { ["runbooks/deploy.lua"] = "" }
    project = { runbooks = place:at "runbooks" }
  end)
  after_each(function() place:close() end)

  local deploy = { name = "deploy", version = "1.0.0", path = "runbooks/deploy.lua" }
  local own = { name = "deploy", version = "1.0.0", path = "runbooks/tenants/acme/deploy.lua" }

  local function lock(runbook, text, replace)
    return versions.update(project, { { runbook = runbook, text = text } }, replace)
  end
  local function status(runbook, text) return versions.status(versions.read(project), runbook, text) end

  it("knows nothing before the first lock", function()
    assert.same({}, versions.read(project))
    assert.equal("new", status(deploy, "a"))
  end)

  it("tells an edited runbook from a locked and a new one", function()
    assert.same({ "deploy 1.0.0" }, lock(deploy, "a"))
    assert.equal("locked", status(deploy, "a"))
    assert.equal("edited", status(deploy, "b"))
    assert.equal("new", status({ name = "deploy", version = "1.0.1", path = deploy.path }, "b"))
  end)

  it("adds nothing that is locked already", function()
    lock(deploy, "a")
    assert.same({}, lock(deploy, "a"))
  end)

  it("keeps a tenant's own version apart from the standard one", function()
    lock(deploy, "a")
    assert.equal("new", status(own, "b"))
    assert.same({ "tenants/acme/deploy 1.0.0" }, lock(own, "b"))
    assert.equal("locked", status(deploy, "a"))
  end)

  it("does not take an edited version, unless told to", function()
    lock(deploy, "a")
    local ok, err = pcall(lock, deploy, "b")
    assert.is_false(ok)
    assert.equal("refused", err.kind)
    assert.matches("runbooks/deploy.lua: .*1.0.0", tostring(err))
    assert.equal("locked", status(deploy, "a"))
    lock(deploy, "b", true)
    assert.equal("locked", status(deploy, "b"))
  end)

  it("finds the edited ones among what a sandbox has loaded", function()
    lock(deploy, "a")
    lock(own, "b")
    local sandbox = {
      project = project,
      runbooks = { deploy, own },
      texts = { [deploy.path] = "changed", [own.path] = "b" },
    }
    assert.same({ deploy }, versions.edited(sandbox))
  end)

  it("is sorted text that survives a merge: comments, empty lines, CRLF", function()
    lock(own, "b")
    lock(deploy, "a")
    local text = fs.read(place:at "runbooks/versions.lock")
    assert.matches("^#[^\n]*\ndeploy 1.0.0 %x+\ntenants/acme/deploy 1.0.0 %x+\n$", text)
    place:write("runbooks/versions.lock", (text:gsub("\n", "\r\n\r\n")))
    assert.equal("locked", status(deploy, "a"))
  end)

  it("says the line that it cannot read", function()
    place:write("runbooks/versions.lock", "# head\ndeploy 1.0.0 abc\n")
    local ok, err = pcall(versions.read, project)
    assert.is_false(ok)
    assert.matches("versions.lock:2$", err.where)
  end)
end)
