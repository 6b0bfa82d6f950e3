local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local secret = require "o2x.base.secret"

local function refusal(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return tostring(err)
end

describe("fs", function()
  local folder
  before_each(function() folder = fs.temp_folder() end)
  after_each(function() fs.remove_tree(folder) end)
  local function at(name) return fs.join(folder, name) end

  it("joins and splits paths", function()
    assert.equal("a/b/c", fs.join("a/", "/b", "c"))
    assert.equal("/a", fs.join("/", "a"))
    assert.equal("/", fs.folder("/a"))
    assert.equal(".", fs.folder("a"))
    assert.equal("/a", fs.folder("/a/b/"))
    assert.equal("b", fs.name("/a/b/"))
  end)

  it("writes and reads back bytes of every kind", function()
    local bytes = ("\0\255\n"):rep(50000)
    fs.write(at "a", bytes)
    assert.equal(bytes, fs.read(at "a"))
    fs.write(at "a", "")
    assert.equal("", fs.read(at "a"))
    assert.same({ "a" }, fs.list(folder))
  end)

  it("refuses a file above the limit", function()
    fs.write(at "a", ("x"):rep(100))
    assert.equal(100, #fs.read(at "a", 100))
    assert.is_truthy(refusal(fs.read, at "a", 99):find("too large", 1, true))
  end)

  it("writes for a child what nobody else may read", function()
    fs.write_scratch(at "a", "text")
    assert.equal(384, fs.stat(at "a").mode)
    assert.equal("text", fs.read(at "a"))
  end)

  it("keeps the mode of the old file, and sets the one asked for", function()
    fs.write(at "a", "1", { mode = 384 })
    assert.equal(384, fs.stat(at "a").mode)
    fs.write(at "a", "2")
    assert.equal(384, fs.stat(at "a").mode)
    fs.write(at "a", "3", { mode = 420 })
    assert.equal(420, fs.stat(at "a").mode)
    assert.equal("3", fs.read(at "a"))
  end)

  it("replaces a symbolic link and leaves what it pointed to", function()
    fs.write(at "outside", "old")
    assert(require("o2x.core.fs").symlink(at "outside", at "link"))
    fs.write(at "link", "new")
    assert.equal("old", fs.read(at "outside"))
    assert.equal("file", fs.stat(at "link", false).type)
  end)

  it("leaves the old file, and nothing else, when a write fails", function()
    fs.write(at "a", "old")
    fs.mkdir(at "b")
    assert.is_truthy(refusal(fs.write, at "b", "x"):find(at "b", 1, true))
    assert.is_truthy(refusal(fs.write, at "no/such", "x"):find("No such file", 1, true))
    assert.same({ "a", "b" }, fs.list(folder))
  end)

  it("writes a secret and reads one", function()
    fs.write(at "s", secret.new("hunter2-hunter2", "s"), { mode = 384 })
    assert.equal("hunter2-hunter2", fs.read(at "s"))
    local s = fs.read_secret(at "s")
    assert.is_true(secret.equal(s, "hunter2-hunter2"))
    assert.equal("‹secret s›", tostring(s))
    assert.is_true(fs.private(at "s"))
    fs.chmod(at "s", 416)
    assert.is_false(fs.private(at "s"))
  end)

  it("reads what has no size", function() assert.is_truthy(fs.read("/proc/self/status"):find("Name:", 1, true)) end)

  it("makes folders with their parents, once", function()
    fs.mkdir(at "x/y/z")
    fs.mkdir(at "x/y/z")
    assert.is_true(fs.is_folder(at "x/y/z"))
    fs.write(at "x/f", "")
    assert.is_truthy(refusal(fs.mkdir, at "x/f"):find("x/f: is not a folder, but a file", 1, true))
    fs.write(at "n/e/w", "1", { parents = true })
    assert.equal("1", fs.read(at "n/e/w"))
  end)

  it("makes temporary folders where TMPDIR says, or says why not", function()
    local program = at "temporary.lua"
    fs.write(program, 'print(require("o2x.base.fs").temp_folder())')
    local function said(tmpdir)
      local result = proc.run { argv = { build.dev, program }, env = { TMPDIR = tmpdir } }
      return result.stdout .. result.stderr
    end
    fs.mkdir(at "tmp")
    assert.equal(at "tmp", said(at "tmp"):match "^(.*)/o2x%-%w+\n$")
    for _, unset in ipairs { "", "relative" } do
      local made = said(unset):match "^(/tmp/o2x%-%w+)\n$"
      assert.is_truthy(made)
      fs.remove(made)
    end
    for _, bad in ipairs { at "no", program } do
      assert.matches("TMPDIR: no temporary folder can be made: " .. bad, said(bad), 1, true)
    end
  end)

  it("leaves alone what is not as expected", function()
    fs.write(at "file", "one", { expected = false })
    for _, expected in ipairs { false, "", "on", "onee", "two" } do
      local ok, problem = pcall(fs.write, at "file", "new", { expected = expected })
      assert.same({ false, "conflict" }, { ok, problem.kind })
      assert.equal("one", fs.read(at "file"))
    end
    assert.is_false((pcall(fs.write, at "none", "new", { expected = "one" })))
    fs.write(at "file", ("x"):rep(100000), { expected = "one" })
    fs.write(at "file", "", { expected = ("x"):rep(100000) })
    fs.write(at "file", "last", { expected = "" })
    assert.equal("last", fs.read(at "file"))
    for _, name in ipairs(fs.list(folder)) do
      assert.is_nil(name:find("^%.o2x%-"), name)
    end
  end)

  it("appends", function()
    fs.append(at "log", "a\n", 384)
    fs.append(at "log", "b\n")
    assert.equal("a\nb\n", fs.read(at "log"))
    assert.equal(384, fs.stat(at "log").mode)
  end)

  it("says what is not there", function()
    assert.is_nil(fs.stat(at "no"))
    assert.is_nil(fs.read_if(at "no"))
    assert.is_false(fs.exists(at "no/no"))
    assert.is_truthy(refusal(fs.read, at "no"):find(at "no", 1, true))
    assert.is_truthy(refusal(fs.read, folder):find("directory", 1, true))
    fs.remove(at "no")
  end)

  it("removes a tree without following links", function()
    fs.write(at "keep/file", "1", { parents = true })
    fs.write(at "go/a/b/c", "1", { parents = true })
    assert(require("o2x.core.fs").symlink(at "keep", at "go/a/link"))
    fs.remove_tree(at "go")
    assert.same({ "keep" }, fs.list(folder))
    assert.equal("1", fs.read(at "keep/file"))
    fs.remove_tree(at "go")
  end)

  it("refuses to remove the wrong tree", function()
    for _, path in ipairs { "/", "/etc", "//etc", "etc/x", "", "/a/../b", "/a/..", "/etc/.", "/etc/", "/tmp//" } do
      refusal(fs.remove_tree, path)
    end
  end)

  it("copies a tree", function()
    fs.write(at "from/a/b", "1", { parents = true, mode = 448 })
    assert(require("o2x.core.fs").symlink("b", at "from/a/l"))
    fs.copy_tree(at "from", at "to")
    assert.equal("1", fs.read(at "to/a/b"))
    assert.equal(448, fs.stat(at "to/a/b").mode)
    assert.equal("link", fs.stat(at "to/a/l", false).type)
  end)

  it("finds the canonical path of what does not exist yet", function()
    local real = fs.realpath(folder)
    fs.mkdir(at "d")
    assert(require("o2x.core.fs").symlink(at "d", at "l"))
    assert.equal(real .. "/d/new/file", fs.canonical(at "l/new/file"))
    assert.equal(real .. "/d", fs.canonical(at "d/../l/."))
    assert.is_nil(fs.canonical(at "no/../x"))
    assert(require("o2x.core.fs").symlink(at "nowhere", at "dangling"))
    assert.is_nil(fs.canonical(at "dangling"))
    assert.is_nil(fs.canonical(at "dangling/x"))
  end)

  it("leaves the old file when the disk is full", function()
    fs.write(at "a", "old")
    fs.write(
      at "full.lua",
      [[
      local fs = require "o2x.base.fs"
      local _, path, bytes = ...
      local ok, err = pcall(fs.write, path, bytes)
      io.stdout:write(tostring(ok), " ", tostring(err.code))
    ]]
    )
    -- A limit on the size of files is the disk that a test can fill.
    local command = ([[
      ulimit -f 8; trap '' XFSZ
      exec '%s' '%s' '%s' "$(head -c 100000 /dev/zero | tr '\0' x)"]]):format(
      fs.realpath "/proc/self/exe",
      at "full.lua",
      at "a"
    )
    local result = require("o2x.base.proc").run { argv = { "sh", "-c", command } }
    assert.equal("false EFBIG", result.stdout)
    assert.equal("old", fs.read(at "a"))
    assert.same({ "a", "full.lua" }, fs.list(folder))
  end)

  it(
    "refuses a path with a NUL inside",
    function() assert.is_truthy(refusal(fs.read, "/etc/passwd\0.yaml"):find("NUL", 1, true)) end
  )

  it("walks a tree, folders first, with stamps that differ when something changed", function()
    local root = fs.temp_folder()
    fs.mkdir(fs.join(root, "a/b"))
    fs.write(fs.join(root, "a/b/file"), "x")
    local function stamps()
      local paths, list = fs.walk(root)
      local found = {}
      for i, path in ipairs(paths) do
        found[path] = list[i]
      end
      return found, paths
    end
    local before, order = stamps()
    assert.same({ "a", "a/b", "a/b/file" }, order)
    assert.same(before, (stamps()))
    fs.write(fs.join(root, "a/b/file"), "y")
    local after = stamps()
    assert.not_equal(before["a/b/file"], after["a/b/file"])
    assert.equal(before["a/b"], after["a/b"])
    fs.chmod(fs.join(root, "a/b"), 448)
    assert.not_equal(after["a/b"], stamps()["a/b"])
    fs.remove_tree(root)
    assert.is_false((pcall(fs.walk, root)))
  end)
end)
