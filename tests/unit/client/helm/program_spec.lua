local fs = require "o2x.base.fs"
local kept = require "o2x.client.helm.kept"
local program = require "o2x.client.helm.program"
local raised = require "tests.support.raised"

describe("the helm program", function()
  local folder, path
  before_each(function()
    folder = fs.temp_folder()
    path = fs.join(folder, "helm")
  end)
  after_each(function() fs.remove_tree(folder) end)

  -- A helm of this version, which notes that it was asked.
  local function install(version)
    local text = ("#!/bin/sh\necho x >>%s/asked\necho %s\n"):format(folder, version)
    fs.write(path, text, { mode = tonumber("755", 8) })
  end
  local function version() return program.version(path, {}, kept.new(fs.join(folder, "cache"))) end
  local function times() return #(fs.read_if(fs.join(folder, "asked")) or "") // 2 end

  it("is asked for its version once, until it is another file", function()
    install "v3.22.0"
    assert.same({ "3.22.0", "3.22.0", 1 }, { version(), version(), times() })
    install "v3.13.1"
    assert.same({ "3.13.1", "3.13.1", 2 }, { version(), version(), times() })
  end)

  it("that is too old or too new is refused each time", function()
    for _, text in ipairs { "v3.12.3", "v2.17.0", "v4.0.0", "nonsense", "" } do
      install(text)
      for _ = 1, 2 do
        local e = raised(version)
        assert.equal("input", e.kind)
        assert.matches("o2x needs helm 3.13", e.message)
      end
    end
    assert.equal(10, times())
  end)

  it("is told from another by its path and its file", function()
    install "v3.22.0"
    local first = program.identity(path)
    assert.same(first, program.identity(path))
    fs.copy_tree(path, fs.join(folder, "other"))
    assert.is_not.same(first, program.identity(fs.join(folder, "other")))
    install "v3.22.0"
    assert.is_not.same(first, program.identity(path))
  end)
end)
