local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local patch = require "o2x.base.patch"
local proc = require "o2x.base.proc"

-- What a text may become: anything at its beginning, in its middle, at its end; with and without a last line break.
local TEXTS <const> = {
  "a\nb\nc\nd\ne\nf\ng\nh\ni\n",
  "a\nb\nc\nd\nE\nf\ng\nh\ni\n",
  "A\nb\nc\nd\ne\nf\ng\nh\ni\n",
  "a\nb\nc\nd\ne\nf\ng\nh\nI\n",
  "a\nb\nc\nd\ne\nf\ng\nh\ni",
  "a\nb\nc\nd\ne\nf\ng\nh\n",
  "x\na\nb\nc\nd\ne\nf\ng\nh\ni\n",
  "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n",
  "a\nb\nc\nd\ne\nf\ng\nh\ni\nj",
  "a\na\na\n",
  "a\na\na\na\n",
  "\n\n",
  "\n",
  "--- a\n+++ b\n@@ -1 +1 @@\n",
  "one line",
}

describe("a unified diff", function()
  it("makes one text of another by patch, in both directions", function()
    local dir <close> = folder()
    local path, count = dir:at "file", 0
    for i, before in ipairs(TEXTS) do
      for j, after in ipairs(TEXTS) do
        if i ~= j then
          fs.write(path, before)
          local diff = patch.unified("file", before, after)
          local result = proc.run { argv = { "patch", "-u", "--", path }, stdin = diff }
          assert.equal(0, result.code, ("%d to %d:\n%s%s"):format(i, j, diff, result.stdout .. result.stderr))
          assert.equal(after, fs.read(path), ("%d to %d"):format(i, j))
          count = count + 1
        end
      end
    end
    assert.equal(#TEXTS * (#TEXTS - 1), count)
  end)

  it("is as short as the change", function()
    local _, lines = patch.unified("file", TEXTS[1], TEXTS[2])
    assert.equal(3 + 8, lines) -- three lines before, three behind, one of each text
  end)
end)
