-- The file that all tenants share, from two branches: each run adds its entry at the end, so git has a conflict. How
-- it is settled is in docs/walks.md; merge=union is no way: it mixes the lines of the two entries.

local checkouts = require "tests.support.checkout"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"

local FILE <const> = "docs/LIST.md"

-- What two tenants have in common that were onboarded on the same day.
local SAME <const> = "- **Status:** Active\n- **Environment:** Production\n- **Onboarded:** 2026-11-27\n"
  .. "- **Version:** v2.5.0\n"

describe("entries that two branches have added to a shared file", function()
  local checkout, toy
  before_each(function()
    checkout = checkouts.new()
    toy = checkout.toy
    toy:write("platform/docs/LIST.md", "# All\n")
    checkout:repository()
  end)
  after_each(function() toy:__close() end)

  local function git(...) return checkout:git(...) end

  local function merges(branch)
    return proc.run {
      argv = { "git", "-C", checkout.tree, "merge", "-q", branch },
      env = { GIT_CONFIG_GLOBAL = toy.env.GIT_CONFIG_GLOBAL, GIT_CONFIG_SYSTEM = "/dev/null" },
    }.code == 0
  end

  local function count(text, word) return select(2, text:gsub(word, "")) end

  it("are both there after git took theirs and the run was made again", function()
    git("checkout", "-qb", "bob")
    ok(toy:o2x { "run", "enter", "beta" })
    git("checkout", "-q", "main")
    ok(toy:o2x { "run", "enter", "alpha" })
    assert.is_false(merges "bob")
    local refused = toy:o2x { "run", "enter", "alpha" }
    assert.matches("git is in the middle of something", refused.stderr, 1, true)
    git("checkout", "--theirs", FILE)
    git("add", FILE)
    git("commit", "-qm", "merge")
    assert.matches("alpha", ok(toy:o2x { "plan", "enter", "alpha" }).stdout, 1, true)
    ok(toy:o2x { "run", "enter", "alpha" })
    local text = git("show", "HEAD:" .. FILE)
    assert.same({ 1, 1 }, { count(text, "## alpha %(1%)"), count(text, "## beta %(1%)") })
    assert.equal("", git("status", "--porcelain"))
    assert.equal(FILE .. "\n", checkout:names())
  end)

  it("would be mixed by merge=union", function()
    local function entry(name) return ("\n## %s\n%s- **Database:** coredb-%s\n"):format(name, SAME, name) end
    toy:write("platform/.gitattributes", FILE .. " merge=union\n")
    git("add", "-A")
    git("commit", "-qm", "union")
    for branch, from in pairs { ann = "alpha", bob = "beta" } do
      git("checkout", "-qb", branch, "main")
      toy:write("platform/docs/LIST.md", "# All\n" .. entry(from))
      git("commit", "-qam", from)
    end
    git("checkout", "-q", "ann")
    assert.is_true(merges "bob")
    local text = git("show", "HEAD:" .. FILE)
    local whole = text:find(entry "alpha", 1, true) and text:find(entry "beta", 1, true)
    assert.is_nil(whole, text)
  end)
end)
