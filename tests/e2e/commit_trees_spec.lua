-- files.git: commit in trees as people have them: worktrees, submodules, sparse checkouts, locks that somebody left,
-- keys that are missing, hooks that change files, disks that are full. It works, or is refused before anything is
-- written, with a line that mends it.

local checkouts = require "tests.support.checkout"
local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"

local ALL <const> = "alpha/a b.txt\nalpha/ü.txt\ndocs/LIST.md\n"

describe("files.git: commit, in a tree", function()
  local checkout, toy, tree
  before_each(function()
    checkout = checkouts.new()
    toy, tree = checkout.toy, checkout.tree
  end)
  after_each(function() toy:__close() end)

  local function git(...) return checkout:git(...) end
  local function run(...) return toy:o2x { "run", "enter", ... } end
  local function sh(script)
    return ok(proc.run { argv = { "sh", "-ec", script }, env = toy:environment { T = tree, D = toy.dir } }).stdout
  end

  -- A remedy, as somebody types it who reads it.
  local function type_in(line)
    line = line:gsub("FOLDER", toy.dir .. "/cloned"):gsub("KEY", toy.dir .. "/key")
    ok(toy:shell({}, "", line .. "; exit; "))
  end

  -- Plan and run say so and write nothing; with the remedy typed in, the run is done.
  local function refused_until(message, remedy)
    local commits, index = #git("rev-list", "--all"), fs.read_if(tree .. "/.git/index")
    local said
    for _, word in ipairs { "plan", "run" } do
      local result = toy:o2x { word, "enter", "alpha" }
      assert.equal(3, result.code)
      assert.matches(message, result.stderr)
      said = result.stderr
    end
    assert.is_false(fs.exists(tree .. "/alpha/a b.txt"))
    assert.is_nil(toy:holds().alpha)
    assert.equal(commits, #git("rev-list", "--all"))
    assert.equal(index, fs.read_if(tree .. "/.git/index"), "a look has written the index")
    local line = said:match(remedy)
    assert.truthy(line, said)
    return line
  end

  it("that is a linked worktree commits there", function()
    checkout:repository()
    sh 'mv "$T" "$D/first"; git -C "$D/first" worktree add -q "$T" -b other'
    ok(run "alpha")
    assert.equal(ALL, checkout:names())
    assert.equal("other\n", git("branch", "--show-current"))
    assert.equal(2, checkout:count())
  end)

  it("that is a submodule commits there, and leaves the repository around it", function()
    checkout:repository()
    local top = toy.dir .. "/top"
    sh [[mv "$T" "$D/origin"; git init -q "$D/top"; cd "$D/top"
      git -c protocol.file.allow=always submodule --quiet add "$D/origin" platform; git commit -qm first]]
    checkout.tree, toy.env.O2X_PLATFORM = top .. "/platform", top .. "/platform"
    ok(run "alpha")
    assert.equal(ALL, checkout:names())
    assert.equal("1\n", sh 'git -C "$D/top" rev-list --count HEAD')
    assert.equal(" M platform\n", sh 'git -C "$D/top" status --porcelain')
  end)

  for what, make in pairs {
    ["a submodule"] = [[git init -q "$D/other"; git -C "$D/other" commit -qm x --allow-empty
      git -C "$T" -c protocol.file.allow=always submodule --quiet add "$D/other" alpha; git -C "$T" commit -qm sub]],
    ["a submodule that is not there yet"] = [[
      git init -q "$D/other"; git -C "$D/other" commit -qm x --allow-empty
      git -C "$T" -c protocol.file.allow=always submodule --quiet add "$D/other" alpha; git -C "$T" commit -qm sub
      git -C "$T" submodule --quiet deinit -f alpha]],
    ["a repository that was cloned into it"] = [[git init -q "$T/alpha"]],
  } do
    it("with the tenant's files in " .. what .. " is refused", function()
      checkout:repository()
      sh(make)
      refused_until("lies in a repository of its own, alpha", "keep the tenants' files in one repository")
    end)
  end

  it("that is sparse, outside of it: a new file is committed, one that git has is refused, not lost", function()
    checkout:repository()
    git("sparse-checkout", "set", "tenants")
    ok(run "beta")
    assert.equal("beta/a b.txt\nbeta/ü.txt\ndocs/LIST.md\n", checkout:names())
    git("sparse-checkout", "reapply")
    assert.is_false(fs.exists(tree .. "/docs"))
    local add =
      refused_until("docs/LIST.md: git has this file and leaves it out", "git %-C %S+ sparse%-checkout add docs")
    type_in(add)
    ok(run "alpha")
    local list = git("show", "HEAD:docs/LIST.md")
    assert.matches("## beta %(1%)", list)
    assert.matches("## alpha %(1%)", list)
  end)

  for flag, words in pairs { ["assume-unchanged"] = "assume%-unchanged", ["skip-worktree"] = "skip%-worktree" } do
    it("in which git is told not to look at a file is refused: " .. flag, function()
      checkout:repository()
      ok(run "beta")
      git("update-index", "--" .. flag, "docs/LIST.md")
      type_in(refused_until(words, "git %-C %S+ update%-index %-%-no%-%S+ docs/LIST.md"))
      ok(run "alpha")
      assert.equal(ALL, checkout:names())
    end)
  end

  it("with the lock of a git that was killed is refused; the line removes it", function()
    checkout:repository()
    for _, name in ipairs { "index.lock", "HEAD.lock" } do
      fs.write(tree .. "/.git/" .. name, "")
      type_in(refused_until(name .. ": a git that was killed has left this lock", "machine: (rm %S+)"))
      assert.is_false(fs.exists(tree .. "/.git/" .. name))
    end
    ok(run "alpha")
  end)

  for what, script in pairs {
    ["a linked worktree"] = 'mv "$T" "$D/first"; git -C "$D/first" worktree add -q "$T" -b other',
    ["a submodule"] = [[git clone -q "$T" "$D/origin"; rm -r "$T"; mkdir "$D/around"; git -C "$D/around" init -q
      git -C "$D/around" -c protocol.file.allow=always submodule add -q "$D/origin" platform
      ln -s "$D/around/platform" "$T"]],
  } do
    it("that is " .. what .. ", with the lock of a git that was killed, is refused; the line removes it", function()
      checkout:repository()
      sh(script)
      local lock = git("rev-parse", "--path-format=absolute", "--git-path", "index.lock"):gsub("\n", "")
      fs.write(lock, "")
      local commits = checkout:count()
      local refused = run "alpha"
      assert.equal(3, refused.code, refused.stderr)
      assert.truthy(refused.stderr:find(fs.realpath(lock) .. ": a git that was killed", 1, true), refused.stderr)
      assert.equal(commits, checkout:count())
      type_in(refused.stderr:match "machine: (rm %S+)")
      assert.is_false(fs.exists(lock))
      ok(run "alpha")
      assert.equal(ALL, checkout:names())
    end)
  end

  it("with a lock that comes while the run writes fails at the end, and is resumed", function()
    checkout:repository()
    checkout:hook("pre-commit", ': > "$(git rev-parse --git-dir)/HEAD.lock"')
    assert.matches("HEAD%.lock: a git that was killed has left this lock", run("alpha").stderr)
    assert.equal(1, checkout:count())
    fs.remove(tree .. "/.git/hooks/pre-commit")
    type_in(toy:o2x({ "resume" }).stderr:match "machine: (rm %S+)")
    ok(toy:o2x { "resume" })
    assert.equal(ALL, checkout:names())
  end)

  it("that is bare is refused, with how to make it a checkout", function()
    checkout:repository()
    git("config", "core.bare", "true")
    type_in(toy:o2x({ "run", "enter", "alpha" }).stderr:match "git %-C %S+ config core%.bare false")
    ok(run "alpha")
    sh 'git clone -q --bare "$T" "$D/bare"'
    toy:write("o2x.yaml", "files:\n  git: commit\n")
    sh 'cp -r "$T/tenants" "$T/platform.yaml" "$D/bare"'
    toy.env.O2X_PLATFORM = toy.dir .. "/bare"
    local line = toy:o2x({ "run", "enter", "beta" }).stderr:match "(git clone .-), and platform"
    type_in(line)
    toy.env.O2X_PLATFORM = toy.dir .. "/cloned"
    ok(run "beta")
  end)

  it("with a detached HEAD commits, and says how the commit gets a branch", function()
    checkout:repository()
    git("checkout", "-q", "--detach")
    local done = ok(run "alpha")
    type_in(done.stderr:match "HEAD is detached, so no branch has this commit: (git [^\n]+)")
    assert.matches("R%-%d", git("branch", "--contains", "HEAD", "--list", "R-*"))
  end)

  it("with commits to sign and no key is refused; with the key named it signs", function()
    checkout:repository()
    git("config", "commit.gpgsign", "true")
    local told = "git %-C %S+ config user%.signingkey KEY"
    refused_until("commits are to be signed .-gpg has no key Ann <ann@example.com>", told)
    git("config", "gpg.format", "ssh")
    refused_until("user.signingkey names no key", told)
    git("config", "user.signingkey", toy.dir .. "/nowhere")
    local line = refused_until("there is no key " .. toy.dir:gsub("%p", "%%%0") .. "/nowhere", told)
    ok(proc.run { argv = { "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", toy.dir .. "/key" } })
    type_in(line)
    ok(run "alpha")
    assert.matches("BEGIN SSH SIGNATURE", git("cat-file", "commit", "HEAD"))
    type_in(("git -C %s config commit.gpgsign false"):format(tree))
    ok(run("alpha", "note=unsigned"))
  end)

  it("of somebody else is refused, with git's own line", function()
    checkout:repository()
    if fs.user() ~= 0 then return pending "only root can give files away" end
    sh 'chown -R 65534 "$T"'
    local said = run("alpha").stderr
    type_in(said:match "if you trust what is in it: (git config [^\n]+)")
    ok(run "alpha")
    assert.equal(ALL, checkout:names())
  end)

  for what, config in pairs {
    ["core.autocrlf"] = "git -C $T config core.autocrlf true",
    ["core.safecrlf"] = "git -C $T config core.autocrlf true; git -C $T config core.safecrlf true",
    ["an attribute"] = "echo '* text eol=crlf' >$T/.gitattributes; git -C $T add -A; git -C $T commit -qm attribute",
  } do
    it("with other ends of lines commits what is new, and nothing else: " .. what, function()
      checkout:repository()
      sh(config)
      ok(run "alpha")
      assert.equal(ALL, checkout:names())
      local commits = checkout:count()
      sh 'cd "$T"; rm -r alpha docs; git checkout -q .; grep -q "$(printf "\\r")" docs/LIST.md'
      ok(run "alpha") -- writes them as the runbook has them: no change for git
      ok(run "alpha")
      assert.equal(commits, checkout:count())
      ok(run("alpha", "note=other"))
      assert.matches("^alpha/a b%.txt\n", checkout:names())
      assert.equal("other\n", git("show", "HEAD:alpha/a b.txt"))
    end)
  end

  it("with hooks that change files says what they made of the commit", function()
    checkout:repository()
    checkout:hook(
      "pre-commit",
      'echo more >>"alpha/a b.txt"; git add "alpha/a b.txt"; echo x >other.txt; git add other.txt'
    )
    local said = ok(run "alpha").stderr
    local show =
      said:match "a hook of git committed alpha/a b.txt otherwise than the run wrote it: look at it: (git [^\n]+)"
    assert.matches("%+more", ok(toy:shell({}, "", show .. "; exit; ")).stdout)
    assert.matches("a hook of git committed other.txt, too: look at it: git ", said)
    assert.equal("new\nmore\n", git("show", "HEAD:alpha/a b.txt"))
    assert.equal("", git("status", "--porcelain", "--", "alpha", "docs"))
    ok(run "alpha")
    checkout:hook("pre-commit", 'echo more >>"alpha/ü.txt"')
    said = ok(run("alpha", "note=other")).stderr
    assert.falsy(said:find("a hook", 1, true), "its change is of a file that this run has not written")
    fs.write(tree .. "/alpha/ü.txt", "ü\n")
    checkout:hook("pre-commit", 'echo more >>"alpha/a b.txt"')
    said = ok(run("alpha", "note=third")).stderr
    local diff = said:match "a hook of git changed alpha/a b.txt, and did not commit that: look at it: (git [^\n]+)"
    assert.matches("%+more", ok(toy:shell({}, "", diff .. "; exit; ")).stdout)
  end)

  it("with hooks that fail, or that nothing can run, leaves the index as it was, and is resumed", function()
    checkout:repository()
    for name, script in pairs { ["pre-commit"] = "exit 1", ["commit-msg"] = "echo 'needs a ticket' >&2; exit 1" } do
      local hook = checkout:hook(name, script)
      assert.equal(1, run("alpha", "note=" .. name).code)
      assert.equal("", git("diff", "--cached", "--name-only"))
      fs.remove(hook)
      ok(toy:o2x { "resume" })
      assert.equal(name .. "\n", git("show", "HEAD:alpha/a b.txt"))
    end
    fs.write(checkout:hook("pre-commit", ""), "#!/nowhere\n")
    assert.equal(1, run("alpha", "note=last").code)
    fs.remove(tree .. "/.git/hooks/pre-commit")
    ok(toy:o2x { "resume" })
    assert.equal("last\n", git("show", "HEAD:alpha/a b.txt"))
  end)

  it("commits once where all is killed between git's add and its commit", function()
    checkout:repository()
    local hook = checkout:hook("pre-commit", "kill -9 $(ps -o ppid= -p $PPID) $PPID")
    assert.not_equal(0, run("alpha").code)
    assert.equal(1, checkout:count())
    fs.remove(hook)
    local resumed = toy:o2x { "resume" }
    local remove = resumed.stderr:match "machine: (rm %S+)"
    if remove then
      type_in(remove)
      ok(toy:o2x { "resume" })
    end
    assert.equal(2, checkout:count())
    assert.equal(ALL, checkout:names())
    assert.equal("", git("status", "--porcelain"))
  end)

  -- Mounts something at .git for a while.
  local function with_mount(mount, fn)
    if fs.user() ~= 0 or proc.run({ argv = { "sh", "-c", mount }, env = { T = tree } }).code ~= 0 then
      return pending "only root can mount"
    end
    local done, err = pcall(fn)
    proc.run { argv = { "umount", "-l", tree .. "/.git" } }
    if not done then error(err, 0) end
  end

  it("whose .git is mounted read-only is refused", function()
    checkout:repository()
    with_mount('mount --bind "$T/.git" "$T/.git" && mount -o remount,ro,bind "$T/.git"', function()
      local line = refused_until("git could not commit: this cannot be written", "findmnt %-T %S+/%.git")
      assert.matches("ro", ok(toy:shell({}, "", line .. "; exit; ")).stdout)
    end)
    ok(run "alpha")
  end)

  it("whose disk is full at the commit fails then, and is resumed when there is room", function()
    checkout:repository()
    sh 'rm -r "$T/.git/hooks"; cp -r "$T/.git" "$D/kept"'
    with_mount('mount -t tmpfs -o size=400k none "$T/.git"', function()
      sh 'cp -r "$D/kept/." "$T/.git"'
      proc.run { argv = { "sh", "-c", 'cat /dev/zero >"$T/.git/filler"' }, env = { T = tree } }
      local failed = run "alpha"
      assert.equal(1, failed.code)
      assert.matches("No space left on device", failed.stderr)
      fs.remove(tree .. "/.git/filler")
      ok(toy:o2x { "resume" })
      assert.equal(ALL, checkout:names())
      assert.equal("", git("status", "--porcelain"))
    end)
  end)

  it("undoes with a commit of its own in all of them", function()
    checkout:repository()
    git("checkout", "-q", "--detach")
    git("config", "core.autocrlf", "true")
    ok(run "alpha")
    local id = toy:json({ "runs", "--json" })[1].id
    local hook = checkout:hook("pre-commit", "exit 1")
    assert.equal(1, toy:o2x({ "undo", id, "--confirm=alpha" }).code)
    fs.remove(hook)
    ok(toy:o2x { "resume" })
    assert.matches("^undo of enter for alpha: " .. id:gsub("%p", "%%%0"), git("log", "-1", "--format=%s"))
    assert.equal("", git("diff", "HEAD~2", "HEAD", "--", "alpha"))
    assert.equal("", git("status", "--porcelain"))
  end)
end)
