local core_fs = require "o2x.core.fs"
local contract = require "o2x.engine.contract"
local files = require "o2x.effects.files"
local fs = require "o2x.base.fs"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

describe("o2x.files", function()
  local tree, ctx, api

  before_each(function()
    tree = fs.temp_folder()
    fs.write(fs.join(tree, "core/helm_values/newclient/a.yaml"), "a: 1\nb: 2\n", { parents = true })
    fs.write(fs.join(tree, "core/helm_values/newclient-sbx/a.yaml"), "other\n", { parents = true })
    fs.write(fs.join(tree, "secret/x"), "x", { parents = true })
    ctx = {
      mode = "apply",
      config = { platform = tree },
      scope = {
        files = {
          read = { "core/" },
          write = {
            "core/helm_values/newclient/a.yaml",
            "core/helm_values/newclient/new/b.yaml",
            "core/helm_values/newclient/link.yaml",
            "docs/x.md",
          },
        },
      },
      refuse = function(_, message) error(message, 0) end,
    }
    -- The gate without its journal: what it asks of a type, in its order.
    local types = {}
    for _, one in ipairs(files.types) do
      types[one.kind] = one
    end
    function ctx:read(kind, target) return types[kind].read(self, target) end
    function ctx:effect(kind, target, desired)
      local before = types[kind].read(self, target)
      if value.equal(before, desired) then return before, "unchanged" end
      types[kind].write(self, target, desired, before)
      assert.equal(desired, types[kind].read(self, target))
      return desired, before == nil and "created" or desired == nil and "deleted" or "changed"
    end
    api = files.api(ctx)
  end)
  after_each(function() fs.remove_tree(tree) end)

  it("is a module that the gate takes", function()
    for _, one in ipairs(files.types) do
      contract.check(files, one)
    end
  end)

  it("confines a change of a shared file to the run's own section", function()
    local shared, link = "core/shared.md", "core/helm_values/newclient/link.yaml"
    local text = "# All\n\n## a (1)\n- one\n\n## newclient (2)\n- two\n"
    fs.write(fs.join(tree, shared), text)
    core_fs.symlink(fs.join(tree, shared), fs.join(tree, link))
    table.insert(ctx.scope.files.write, shared)
    ctx.scope.files.sections = { [shared] = "## newclient (" }
    assert.equal("changed", api.ensure(shared, (text:gsub("two", "2"))))
    for _, path in ipairs { shared, link } do
      for _, after in ipairs { (text:gsub("one", "1")), "## newclient (2)\n- two\n", "" } do
        local e = raised(api.ensure, path, after)
        assert.equal("refused", e.kind)
        assert.is_truthy(e.message:find(path .. " is shared by all tenants", 1, true), e.message)
      end
      assert.equal("refused", raised(api.remove, path).kind)
    end
    assert.equal((text:gsub("two", "2")), fs.read(fs.join(tree, shared)))
    -- What came meanwhile from another run stays too.
    fs.write(fs.join(tree, shared), text .. "\n## b (3)\n")
    assert.equal("refused", raised(files.types[1].write, ctx, shared, text).kind)
  end)

  describe("of a file that all tenants share", function()
    local path <const>, heading <const> = "core/shared.md", "## newclient ("
    local TEXT <const> = "# All\n\n## a (1)\n- one\n\n## newclient (2)\n- two\n\n## z (9)\n- last\n"
    local real
    before_each(function()
      real = fs.join(tree, path)
      table.insert(ctx.scope.files.write, path)
      ctx.scope.files.sections = { [path] = heading }
      fs.write(real, TEXT)
    end)

    it("keeps what others wrote since the script read it", function()
      local seen = api.read(path)
      fs.write(real, (TEXT:gsub("- one", "- uno"):gsub("- last\n", "- last\n\n## zz (10)\n- new\n")))
      assert.equal("changed", api.ensure(path, (seen:gsub("- two", "- 2"))))
      assert.equal(
        "# All\n\n## a (1)\n- uno\n\n## newclient (2)\n- 2\n\n## z (9)\n- last\n\n## zz (10)\n- new\n",
        fs.read(real)
      )
    end)

    it("leaves mode and links as they are", function()
      fs.chmod(real, tonumber("640", 8))
      fs.rename(real, real .. ".real")
      assert(core_fs.symlink("shared.md.real", real))
      table.insert(ctx.scope.files.write, path .. ".real")
      ctx.scope.files.sections[path .. ".real"] = heading
      assert.equal("changed", api.ensure(path, (TEXT:gsub("- two", "- 2"))))
      assert.same({ "link", tonumber("640", 8) }, { fs.stat(real, false).type, fs.stat(real).mode })
    end)

    it("makes it with its title, and adds to one without own sections", function()
      fs.remove(real)
      assert.equal("created", api.ensure(path, "# All\n\n## newclient (2)\n- two\n"))
      assert.equal("# All\n\n## newclient (2)\n- two\n", fs.read(real))
      fs.write(real, "# All\n\n## a (1)\n- one\n")
      assert.equal("created", api.ensure(path, "# All\n\n## a (1)\n- one\n\n## newclient (2)\n- two\n"))
      assert.equal("# All\n\n## a (1)\n- one\n\n## newclient (2)\n- two\n", fs.read(real))
      assert.equal("deleted", api.ensure(path, "# All\n\n## a (1)\n- one\n"))
      assert.equal("# All\n\n## a (1)\n- one\n", fs.read(real))
    end)

    it("is a conflict if somebody edits the own section meanwhile, and that stays", function()
      local one = files.types[2]
      local target = { path = path, heading = heading, title = "" }
      local before = one.read(ctx, target)
      local edited = TEXT:gsub("- two", "- by hand")
      fs.write(real, edited)
      assert.equal("conflict", raised(one.write, ctx, target, "## newclient (2)\n- 2\n", before).kind)
      assert.equal(edited, fs.read(real))
    end)
  end)

  it("never overwrites what somebody wrote since it was read", function()
    local one, path = files.types[1], "docs/x.md"
    fs.write(fs.join(tree, path), "by hand", { parents = true })
    for _, before in ipairs { "read", "by han", "by handy", "" } do
      assert.equal("conflict", raised(one.write, ctx, path, "ours", before).kind)
    end
    assert.equal("conflict", raised(one.write, ctx, path, "ours", nil).kind)
    assert.equal("conflict", raised(one.write, ctx, path, nil, "read").kind)
    assert.equal("by hand", fs.read(fs.join(tree, path)))
    one.write(ctx, path, "ours", "by hand")
    assert.equal("ours", fs.read(fs.join(tree, path)))
    assert.same({ "x.md" }, fs.list(fs.join(tree, "docs")))
  end)

  it("ensures, reads, lists, removes", function()
    assert.equal("unchanged", api.ensure("core/helm_values/newclient/a.yaml", "a: 1\nb: 2\n"))
    assert.equal("changed", api.ensure("core/helm_values/newclient/a.yaml", "a: 2\n"))
    assert.equal("created", api.ensure("core/helm_values/newclient/new/b.yaml", "b\n"))
    assert.equal("a: 2\n", api.read "core/helm_values/newclient/a.yaml")
    assert.same({ "a.yaml", "new" }, api.list "core/helm_values/newclient")
    assert.same({ "a.yaml", "new" }, api.list "core/helm_values/newclient/")
    assert.same({}, api.list "core/nosuch")
    assert.is_true(api.exists "core/helm_values/newclient/new/b.yaml")
    assert.is_true(api.exists "core/helm_values")
    assert.is_false(api.exists "core/nosuch.yaml")
    assert.equal("deleted", api.remove "core/helm_values/newclient/new/b.yaml")
    assert.equal("created", api.ensure("docs/x.md", "x"))
    assert.equal("x", api.read "docs/x.md")
    assert.equal("failed", raised(api.read, "core/nosuch.yaml").kind)
  end)

  it("refuses what was not granted", function()
    for _, path in ipairs {
      "core/helm_values/newclient-sbx/a.yaml",
      "core/helm_values/newclient/other.yaml",
      "secret/x",
      "core/helm_values/newclient/../newclient-sbx/a.yaml",
      "/etc/passwd",
      "../x",
      "core/helm_values/newclient/./a.yaml",
      "",
      "core//helm_values/newclient/a.yaml",
      "core/helm_values/newclient/a.yaml\0x",
      "core/helm_values/newclient/a.yaml/",
    } do
      assert.equal("refused", raised(api.ensure, path, "x").kind, path)
    end
    assert.equal("other\n", fs.read(fs.join(tree, "core/helm_values/newclient-sbx/a.yaml")))
    for _, path in ipairs { "secret/x", "../x", "core/../secret/x", "/etc/passwd" } do
      assert.equal("refused", raised(api.read, path).kind, path)
      assert.equal("refused", raised(api.list, path).kind, path)
    end
    assert.equal("refused", raised(api.exists, "secret").kind)
  end)

  it("refuses a link that leads elsewhere", function()
    local link = fs.join(tree, "core/helm_values/newclient/link.yaml")
    local targets = {
      "/etc/hostname",
      fs.join(tree, "secret/x"),
      fs.join(tree, "core/helm_values/newclient-sbx/a.yaml"),
      "nowhere",
      "../../../../x",
    }
    for _, target in ipairs(targets) do
      assert(core_fs.symlink(target, link))
      assert.equal("refused", raised(api.ensure, "core/helm_values/newclient/link.yaml", "x").kind, target)
      assert.equal("link", fs.stat(link, false).type)
      fs.remove(link)
    end
    assert(core_fs.symlink("a.yaml", link))
    assert.equal("changed", api.ensure("core/helm_values/newclient/link.yaml", "through\n"))
    assert.equal("through\n", fs.read(fs.join(tree, "core/helm_values/newclient/a.yaml")))
    -- A whole folder that is a link.
    fs.remove_tree(fs.join(fs.realpath(tree), "core/helm_values/newclient"))
    assert(core_fs.symlink("newclient-sbx", fs.join(tree, "core/helm_values/newclient")))
    assert.equal("refused", raised(api.ensure, "core/helm_values/newclient/a.yaml", "x").kind)
    assert.equal("other\n", fs.read(fs.join(tree, "core/helm_values/newclient-sbx/a.yaml")))
  end)

  it("refuses a secret, a number and a folder", function()
    local problem = raised(api.ensure, "docs/x.md", secret.new("hunter2-hunter2", "s"))
    assert.equal("refused", problem.kind)
    assert.equal("input", raised(api.ensure, "docs/x.md", 5).kind)
    fs.mkdir(fs.join(tree, "docs/x.md"))
    assert.is_truthy(tostring(raised(api.ensure, "docs/x.md", "x")):find("is a folder", 1, true))
  end)

  it("shows a short difference", function()
    local show = files.types[1].show
    local shown = show("p", "a\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\nE\nf\n")
    assert.equal("p", shown.title)
    assert.same({ "…", " c", " d", "-e", "+E", " f" }, shown.lines)
    assert.equal(61, #show("p", nil, ("x\n"):rep(500)).lines)
    assert.same({ "+ (known after apply)" }, show("p", nil, value.unknown).lines)
  end)
end)
