local guide = require "o2x.engine.guide"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local report = require "o2x.report.guide"

local ABOUT <const> = {
  runbook = "build",
  version = "1.0.0",
  tenant = "alpha",
  summary = "Builds `houses`",
  at = "2026-02-10T12:00:00Z",
  folder = "/tmp",
  env = { { name = "PGHOST", value = "it's here" } },
  needs = {},
  problems = { "no answer\nfrom Vault" },
}

-- A checklist with items, as engine/guide makes it.
local function checklist(items)
  local list = guide.new()
  for i, item in ipairs(items) do
    item.place, item.path, item.kind = tostring(i), item.path or "First", item.kind or "effect"
    list.items[i] = item
  end
  return list
end

local ITEMS <const> = {
  { state = "done", title = "is there", lines = { "echo wrong" } },
  {
    state = "todo",
    what = "create",
    title = "hostile\n$(id) `id` *x*",
    lines = { "cat <<'EOF'\n```\nEOF", "echo two" },
  },
  { state = "unknown", what = "ensure", title = "who knows", lines = { "echo three" }, why = "no answer" },
  { path = "Second", kind = "check", state = "later", title = "it answers", lines = { "echo four" } },
}

describe("a checklist as a script", function()
  it("runs what is to do, and nothing else", function()
    local text = table.concat(report.script(checklist(ITEMS), ABOUT), "\n")
    local result = proc.run { argv = { "bash", "-e", "-c", text }, env = { PATH = os.getenv "PATH" } }
    assert.equal("", result.stderr)
    assert.equal("```\ntwo\nthree\nfour\n", result.stdout)
  end)

  it("has boxes in comments", function()
    local text = table.concat(report.script(checklist(ITEMS), ABOUT), "\n")
    for _, line in ipairs {
      "# [x] is there",
      "# [ ] create hostile\\n$(id) `id` *x*",
      "# [?] ensure who knows",
      "#     not known: no answer",
      "# == Second",
      "# [ ] check: it answers",
      "# ! no answer\\nfrom Vault",
      "export PGHOST='it'\\''s here'",
    } do
      assert.truthy(("\n" .. text .. "\n"):find("\n" .. line .. "\n", 1, true), line)
    end
  end)
end)

describe("a checklist as Markdown", function()
  it("has the same commands in fences that they do not end", function()
    local text = table.concat(report.markdown(checklist(ITEMS), ABOUT), "\n")
    assert.truthy(text:find("- [x] is there\n", 1, true))
    assert.truthy(text:find("- [ ] create hostile\\\\n$(id) \\`id\\` \\*x\\*\n", 1, true), text)
    assert.truthy(text:find("\n````bash\ncat <<'EOF'\n```\nEOF\necho two\n````\n", 1, true), text)
    assert.truthy(text:find("\n## Second\n", 1, true))
  end)
end)

describe("a checklist as data", function()
  it("has all of it", function()
    local data = json.decode(json.encode(report.data(checklist(ITEMS), ABOUT)))
    assert.equal(4, #data.items)
    assert.same({ "echo four" }, data.items[4].commands)
    assert.equal("later", data.items[4].state)
  end)
end)
