-- Documents that are made from the sources are what the sources give; what documents name is there.

local fs = require "o2x.base.fs"

describe("a document that is made from the sources", function()
  for _, page in ipairs { "scripting", "man", "effects", "retries" } do
    it("is up to date: " .. page, function()
      local made = require("scripts.docs." .. page)
      assert(fs.read(made.path) == made.text(), made.path .. " is out of date: run make docs and commit it")
    end)
  end
end)

describe("a document", function()
  local pages = { "README.md", "CONTRIBUTING.md", "CHANGELOG.md" }
  for _, name in ipairs(fs.list "docs") do
    if name:match "%.md$" then pages[#pages + 1] = "docs/" .. name end
  end

  it("links to files and headings that are there", function()
    local wrong = {}
    local function anchors(text)
      local found = {}
      for heading in ("\n" .. text):gmatch "\n#+ ([^\n]*)" do
        found[heading:lower():gsub("[^%w%- _]", ""):gsub(" ", "-")] = true
      end
      return found
    end
    for _, page in ipairs(pages) do
      for target in fs.read(page):gmatch "%]%(([^)%s]+)%)" do
        local path, anchor = target:match "^([^#]*)#?(.*)$"
        local full = path == "" and page or fs.join(fs.folder(page), path)
        local there = target:match "^https?://" or fs.exists(full)
        if there and anchor ~= "" then there = anchors(fs.read(full))[anchor] end
        if not there then wrong[#wrong + 1] = page .. ": " .. target end
      end
    end
    assert.same({}, wrong)
  end)

  -- Files that a project may have.
  local POSSIBLE = { ["runbooks/hooks.lua"] = true, ["runbooks/versions.lock"] = true }

  it("names files of the tree that are there", function()
    local wrong = {}
    for _, page in ipairs(pages) do
      if page ~= "CHANGELOG.md" then
        for path in fs.read(page):gmatch "`([%l]+/[%w_./-]+%.%l+)`" do
          local root = path:match "^(%l+)/"
          if
            fs.exists(root)
            and root ~= "build"
            and not path:find "%u%u%u"
            and not POSSIBLE[path]
            and not fs.exists(path)
          then
            wrong[#wrong + 1] = page .. ": " .. path
          end
        end
      end
    end
    assert.same({}, wrong)
  end)

  it("explains every O2X_ variable that is read", function()
    local text, unknown, count = fs.read "CONTRIBUTING.md" .. fs.read "docs/o2x.1", {}, 0
    local function look(path)
      for name in fs.read(path):gmatch '[{"(]%s?"?(O2X_[%u_]+)' do
        count = count + 1
        if not text:find(name, 1, true) then unknown[#unknown + 1] = path .. ": " .. name end
      end
    end
    local function walk(folder)
      for _, name in ipairs(fs.list(folder)) do
        local path = fs.join(folder, name)
        if fs.is_folder(path) then
          walk(path)
        elseif name:match "%.lua$" or name:match "%.c$" then
          look(path)
        end
      end
    end
    walk "lua"
    walk "host"
    walk "tests/support"
    look "tests/all"
    assert.same({}, unknown)
    assert.is_true(count > 10)
  end)

  it("shows runbooks/vacuum.lua as it is", function()
    local shown = fs.read("README.md"):match "```lua\n(return runbook.-)```"
    assert.is_true(#shown > 500)
    assert.equal(shown, fs.read("runbooks/vacuum.lua"):match "\n(return runbook.*)$")
  end)

  it("names faults that the lab has", function()
    local sources, count = {}, 0
    local function walk(folder)
      for _, name in ipairs(fs.list(folder)) do
        local path = fs.join(folder, name)
        if fs.is_folder(path) then
          walk(path)
        else
          sources[#sources + 1] = fs.read(path)
        end
      end
    end
    walk "lua/lab"
    local text = table.concat(sources, "\n")
    for row in fs.read("docs/lab.md"):match("\n## Faults\n(.-)\n## "):gmatch "\n| (`[^|]+) |" do
      for words in row:gmatch "`([^`]+)`" do
        local kind = words:match "^%l+ ([%l-]+)" or words:match "^[%l-]+$"
        if kind then
          local known = text:find(('"%s"'):format(kind), 1, true) or text:find(("%s = true"):format(kind), 1, true)
          assert.is_truthy(known, words)
          count = count + 1
        end
      end
    end
    assert.is_true(count > 15)
  end)
end)
