local fs = require "o2x.base.fs"
local left = require "o2x.prove.left"
local proc = require "o2x.base.proc"

-- The number of a process that has ended.
local function dead() return (proc.run({ argv = { "sh", "-c", "echo $$" } }).stdout:gsub("%s", "")) end

describe("folders of provers", function()
  it("are removed by the next one when their prover has ended", function()
    local parent = fs.temp_folder()
    local own, gone, other = left.folder(parent), fs.join(parent, ("o2x-prove-%s-a"):format(dead())), parent .. "/other"
    for _, folder in ipairs { gone, other } do
      fs.mkdir(folder)
      fs.write(folder .. "/file", "x")
    end
    local second = left.folder(parent)
    assert.is_false(fs.exists(gone))
    for _, folder in ipairs { own, second, other } do
      assert.is_true(fs.exists(folder))
    end
    fs.remove_tree(parent)
  end)
end)
