-- files.git: commit: what git has afterwards, wherever the run is killed, whatever else is in the tree.

local checkouts = require "tests.support.checkout"
local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"

describe("files.git: commit", function()
  local checkout, toy, tree
  before_each(function()
    checkout = checkouts.new()
    toy, tree = checkout.toy, checkout.tree
  end)
  after_each(function() toy:__close() end)

  local function git(...) return checkout:git(...) end
  local function repository() checkout:repository() end
  local function count() return checkout:count() end
  local function names() return checkout:names() end
  local function run(...) return toy:o2x { "run", "enter", ... } end
  local ALPHA <const> = "alpha/a b.txt\nalpha/ü.txt\ndocs/LIST.md\n"

  it("commits exactly the run's own files, once, and leaves what else is staged, edited or new", function()
    repository()
    fs.write(tree .. "/other.txt", "staged\n")
    git("add", "other.txt")
    fs.write(tree .. "/other.txt", "edited\n")
    fs.write(tree .. "/new.txt", "new\n")
    local planned = ok(toy:o2x { "plan", "enter", "alpha" }).stdout
    assert.truthy(planned:find("it commits in " .. tree .. ": alpha/a b.txt, alpha/ü.txt, docs/LIST.md\n", 1, true))
    assert.same(
      { "alpha/a b.txt", "alpha/ü.txt", "docs/LIST.md" },
      toy:json({ "plan", "enter", "alpha", "--json" }).commit.files
    )
    assert.equal(1, count())
    ok(run "alpha")
    assert.equal(ALPHA, names())
    assert.equal("MM other.txt\n?? new.txt\n", git("status", "--porcelain", "-uall"))
    local shown = toy:json { "show", "--json" }
    local said = git("log", "-1", "--format=%B%an")
    assert.matches(
      "^enter for alpha\n\nRunbook: enter 1.0.0\nTenant: alpha\nRun: " .. shown.id:gsub("%p", "%%%0"),
      said
    )
    assert.matches("Ann\n$", said)
    assert.equal(git("rev-parse", "HEAD"), shown.commits[1].commit .. "\n")
    ok(run "alpha")
    assert.equal(2, count())
    ok(run("alpha", "note=other", "less=true"))
    assert.equal(ALPHA, names())
    assert.equal("staged\n", git("show", ":other.txt"))
  end)

  it("commits what an undo takes back as a commit of its own", function()
    repository()
    ok(run "alpha")
    local id = toy:json({ "runs", "--json" })[1].id
    ok(toy:o2x { "undo", id, "--confirm=alpha" })
    assert.equal(3, count())
    assert.matches("^undo of enter for alpha: " .. id:gsub("%p", "%%%0"), git("log", "-1", "--format=%s"))
    assert.equal("", git("diff", "HEAD~2", "HEAD", "--", "alpha"))
    assert.equal("", git("status", "--porcelain"))
  end)

  it("commits in the end wherever the run is killed, and once", function()
    repository()
    local kills = 0
    for at = 1, 40 do
      local note = "note=n" .. at
      local killed = toy:o2x({ "run", "enter", "alpha", note }, { O2X_KILL_AT = tostring(at) })
      if killed.code == 0 then break end
      kills = kills + 1
      local before = count()
      ok(toy:o2x { "resume" })
      assert.equal(before + 1, count())
      assert.equal("n" .. at .. "\n", git("show", "HEAD:alpha/a b.txt"))
      assert.equal("", git("status", "--porcelain"))
    end
    assert.is_true(kills >= 12, kills .. " kills")
  end)

  it("is not committed twice where the process dies after git has committed", function()
    repository()
    local hook = checkout:hook("post-commit", "kill -9 $(ps -o ppid= -p $PPID)")
    assert.not_equal(0, run("alpha").code)
    fs.remove(hook)
    assert.equal(2, count())
    ok(toy:o2x { "resume" })
    assert.equal(2, count())
    assert.equal(git("rev-parse", "HEAD"), toy:json({ "show", "--json" }).commits[1].commit .. "\n")
  end)

  local function edit(text) fs.write(tree .. "/alpha/a b.txt", text, { parents = true }) end

  for what, case in pairs {
    ["edited"] = { function() edit "mine\n" end, "it was edited, and not committed" },
    ["staged"] = {
      function()
        edit "mine\n"
        git("add", "-A")
      end,
      "changes of it are staged",
    },
    ["staged, and back again"] = {
      function()
        edit "mine\n"
        git("add", "-A")
        edit "new\n"
      end,
      "changes of it are staged",
    },
    ["removed"] = { function() fs.remove(tree .. "/alpha/a b.txt") end, "it was edited, and not committed" },
  } do
    it("refuses a file that was " .. what .. " beside it, before it is written", function()
      repository()
      ok(run "alpha")
      case[1]()
      local text = fs.read_if(tree .. "/alpha/a b.txt")
      for _, word in ipairs { "plan", "run" } do
        local refused = toy:o2x { word, "enter", "alpha", "note=theirs" }
        assert.not_equal(0, refused.code)
        assert.truthy(refused.stderr:find(case[2], 1, true), refused.stderr)
        local look = refused.stderr:match "look at it: (.-); then commit it"
        assert.not_equal("", ok(toy:shell({}, "", look .. "; exit; ")).stdout)
      end
      assert.equal(text, fs.read_if(tree .. "/alpha/a b.txt"))
      assert.equal(2, count())
      assert.same({}, toy:json { "runs", "--unfinished", "--json" })
      git("stash", "-q")
      ok(run("alpha", "note=theirs"))
    end)
  end

  it("refuses a file that git does not know, and own sections that were edited; others' are no matter", function()
    repository()
    edit "mine\n"
    assert.truthy(run("alpha").stderr:find("git does not know it yet", 1, true))
    fs.remove_tree(tree .. "/alpha")
    ok(run "alpha")
    local list = fs.read(tree .. "/docs/LIST.md")
    fs.write(tree .. "/docs/LIST.md", list .. "\n## beta (1)\nby hand\n")
    ok(run("alpha", "note=second"))
    fs.write(tree .. "/docs/LIST.md", (fs.read(tree .. "/docs/LIST.md"):gsub("second", "by hand")))
    assert.truthy(run("alpha", "note=third").stderr:find("it was edited, and not committed", 1, true))
  end)

  it("goes on after a failure, and undoes to what HEAD has", function()
    repository()
    assert.equal(1, run("alpha", "stop=true").code)
    assert.equal(1, count())
    toy:write("runbooks/enter.lua", (checkouts.RUNBOOK:gsub('fail%("stop"%)', "")))
    ok(toy:o2x { "resume", "--edited", "--allow-edited" })
    assert.equal(ALPHA, names())
    toy:write("runbooks/enter.lua", checkouts.RUNBOOK)
    assert.equal(1, run("alpha", "stop=true", "note=bad").code)
    ok(toy:o2x { "undo", toy:json({ "runs", "--json" })[2].id, "--confirm=alpha" })
    assert.equal(2, count())
    assert.equal("", git("status", "--porcelain"))
  end)

  it("says what git says: a hook, a signature; mended, the run goes on", function()
    repository()
    local hook = checkout:hook("pre-commit", "echo 'no tabs, please' >&2; exit 1")
    local failed = run "alpha"
    assert.equal(1, failed.code)
    assert.truthy(failed.stderr:find("git commit: no tabs, please", 1, true), failed.stderr)
    assert.equal("?? alpha/\n?? docs/\n", git("status", "--porcelain"))
    fs.remove(hook)
    git("config", "commit.gpgsign", "true")
    git("config", "gpg.program", "/bin/false")
    local unsigned = toy:o2x { "resume" }
    assert.truthy(unsigned.stderr:find("gpg failed to sign", 1, true), unsigned.stderr)
    git("config", "commit.gpgsign", "false")
    ok(
      toy:shell(
        {},
        "",
        ('P=("$@"); o2x() { "${P[@]}" "$@"; }; %s; exit; '):format(unsigned.stderr:match "then (o2x resume %S+);")
      )
    )
    assert.equal(ALPHA, names())
  end)

  it("signs with the user's SSH key", function()
    repository()
    ok(proc.run { argv = { "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", toy.dir .. "/key" } })
    git("config", "commit.gpgsign", "true")
    git("config", "gpg.format", "ssh")
    git("config", "user.signingkey", toy.dir .. "/key")
    ok(run "alpha")
    assert.matches("BEGIN SSH SIGNATURE", git("cat-file", "commit", "HEAD"))
  end)

  for what, case in pairs {
    ["no checkout"] = {
      function() end,
      "no checkout of git that can be used: .-not a git repository",
      "git %-C %S+ init",
    },
    ["nobody who commits"] = {
      function()
        repository()
        fs.write(toy.env.GIT_CONFIG_GLOBAL, "[user]\n  useConfigOnly = true\n")
      end,
      "git does not know who commits",
      "git config [^\n]+",
    },
    ["a merge that is not over"] = {
      function()
        repository()
        fs.write(tree .. "/.git/MERGE_HEAD", git("rev-parse", "HEAD"))
      end,
      "git is in the middle of something: MERGE_HEAD",
    },
    ["no git"] = {
      function()
        repository()
        fs.mkdir(toy.dir .. "/bin")
        toy.env.PATH = toy.dir .. "/bin"
      end,
      "git is not on PATH",
    },
    ["another word"] = {
      function() toy:write("o2x.yaml", "files:\n  git: push\n") end,
      "files.git: expected commit, got push",
    },
  } do
    it("refuses " .. what .. " before anything is written", function()
      case[1]()
      for _, word in ipairs { "plan", "run" } do
        local refused = toy:o2x { word, "enter", "alpha" }
        assert.not_equal(0, refused.code)
        assert.matches(case[2], refused.stderr)
      end
      assert.is_false(fs.exists(tree .. "/alpha"))
      assert.same({}, toy:holds())
      local remedy = case[3] and run("alpha").stderr:match(case[3])
      if not case[3] then return end
      ok(toy:shell({}, "", (remedy:gsub("NAME", "Bo")) .. "; exit; "))
      ok(run "alpha")
    end)
  end

  it("makes the first commit of all, and says what is ignored", function()
    git "init"
    toy:write("platform/.gitignore", "ü.txt\n")
    local done = ok(run "alpha")
    assert.matches("alpha/ü.txt is not committed: .gitignore says so", done.stderr)
    assert.equal("alpha/a b.txt\ndocs/LIST.md\n", names())
    assert.equal(1, count())
  end)

  it("keeps runs apart that commit at the same time", function()
    repository()
    local children, log = {}, toy.dir .. "/said"
    for i = 1, 6 do
      toy:write(("platform/tenants/t%d.yaml"):format(i), "company: One\n")
    end
    git("add", "-A")
    git("commit", "-qm", "tenants")
    for i = 1, 6 do
      children[i] = toy:start({ "run", "enter", "t" .. i }, { O2X_STATE = toy.dir .. "/s" .. i % 2 }, log)
    end
    for i = 1, 6 do
      assert.equal(0, (proc.wait(children[i], 120)), fs.read(log))
      children[i]:close()
    end
    assert.equal("", git("status", "--porcelain"))
    for i = 1, 6 do
      local files = git("log", "--format=", "--name-only", ("--grep=^Tenant: t%d$"):format(i))
      for path in files:gmatch "[^\n]+" do
        assert.truthy(path == "docs/LIST.md" or path:find(("t%d/"):format(i), 1, true), files)
      end
      assert.truthy(files:find(("t%d/ü.txt"):format(i), 1, true), files)
      assert.matches(("## t%d %%(1%%)\n"):format(i), git("show", "HEAD:docs/LIST.md"))
    end
  end)

  it("is no matter of a lab's own platform, nor without the key", function()
    toy.env.O2X_LAB_DIR = toy.project
    ok(run "alpha")
    toy.env.O2X_LAB_DIR = nil
    toy:write("o2x.yaml", "\n")
    ok(run("alpha", "note=other"))
    assert.is_false(fs.exists(tree .. "/.git"))
  end)
end)
