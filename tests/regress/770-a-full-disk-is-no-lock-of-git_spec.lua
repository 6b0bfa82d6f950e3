-- git names its own lock file when it cannot write that, too: on a full disk the run waited half a minute for another
-- git, of which there was none.

local git_lock = require "o2x.base.git_lock"

describe("a lock file that git names", function()
  it("is another's only where git says that it is there", function()
    local there =
      "git add: Unable to create '/t/.git/index.lock': File exists.; Another git process seems to be running"
    assert.equal("/t/.git/index.lock", git_lock.named(there))
    for _, why in ipairs { "No space left on device", "Read-only file system", "Permission denied" } do
      assert.is_nil(git_lock.named(("git add: Unable to create '/t/.git/index.lock': %s"):format(why)))
    end
    assert.is_nil(git_lock.named "git commit: sha1 file '/t/.git/next-index-7.lock' write error. Out of diskspace")
  end)
end)
