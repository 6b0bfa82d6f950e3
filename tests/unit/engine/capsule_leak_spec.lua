local fs = require "o2x.base.fs"
local journal = require "o2x.engine.journal"
local leak = require "o2x.engine.capsule_leak"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"

describe("the text of a secret in a run that is packed", function()
  local folder
  before_each(function()
    folder = fs.temp_folder()
    secret.set_key(("k"):rep(32))
  end)
  after_each(function() fs.remove_tree(folder) end)

  local function check(records, sources)
    local path = fs.join(folder, "journal")
    fs.remove(path)
    local file = journal.create(path, { params = { note = "given-by-hand" } })
    for _, record in ipairs(records) do
      file:append(record, true)
    end
    file:commit()
    file:close()
    return leak.check({ path }, sources or {})
  end

  local function tagged(text)
    return { t = "intent", desired = { ["$secret"] = "db/password", fp = secret.fingerprint(text) } }
  end

  -- what the journal has beside the tag of the secret "hunter2hunter2"
  for name, record in pairs {
    ["as a value"] = { t = "answer", call = "k8s.get", gave = { { a = "hunter2hunter2" } } },
    ["as a name"] = { t = "answer", call = "k8s.get", gave = { { hunter2hunter2 = 1 } } },
    ["in a sentence"] = { t = "answer", call = "k8s.get", gave = { "the password is hunter2hunter2, they say" } },
    ["in an address"] = { t = "answer", call = "k8s.get", gave = { "postgres://admin:hunter2hunter2@host/db" } },
    ["in an error"] = { t = "answer", call = "k8s.get", raised = { message = "no: 'hunter2hunter2'" } },
    ["in an effect"] = { t = "result", after = { x = { "hunter2hunter2" } } },
  } do
    it("is refused " .. name, function()
      local err = raised(check, { record, tagged "hunter2hunter2" })
      assert.equal("refused", err.kind)
      assert.matches("the text of the secret db/password", err.message)
      assert.is_nil(err.message:find("hunter2", 1, true))
    end)
  end

  for name, record in pairs {
    ["another text"] = { t = "answer", call = "k8s.get", gave = { "hunter3hunter3" } },
    ["its tag"] = tagged "hunter2hunter2",
  } do
    it("is not " .. name, function() check { record, tagged "hunter2hunter2" } end)
  end

  it("is no secret if a script, the tenant's file or a parameter says it", function()
    local record = { t = "answer", call = "k8s.get", gave = { "hunter2hunter2" } }
    check({ record, tagged "hunter2hunter2" }, { ["runbooks/a.lua"] = "local name = 'hunter2hunter2'" })
    check { record, tagged "hunter2hunter2", { t = "world", files = { ["a.yaml"] = "x: hunter2hunter2" } } }
    check { { t = "answer", call = "k8s.get", gave = { "given-by-hand" } }, tagged "given-by-hand" }
  end)

  it("counts the answers", function()
    local found = check { { t = "world" }, { t = "answer", call = "a" }, { t = "answer", lost = "too large" } }
    assert.same({ answers = 2, over = true, world = true }, found)
  end)
end)
