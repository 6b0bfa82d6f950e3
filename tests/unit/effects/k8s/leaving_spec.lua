local errors = require "o2x.base.error"
local leaving = require "o2x.effects.k8s.leaving"

local TARGET <const> = { kind = "PersistentVolumeClaim", name = "newclient-data-pvc", namespace = "default" }
local HELD <const> = {
  metadata = { uid = "1", deletionTimestamp = "2026-01-01T00:00:00Z", finalizers = { "kubernetes.io/pvc-protection" } },
}

describe("effects.k8s.leaving", function()
  local reads, deleted, ctx, k8s

  -- An object that is read so often before it is gone.
  local function there(times, is_held, last)
    reads, deleted = 0, nil
    k8s = {
      delete = function(_, kind, name, only)
        deleted = { kind, name, only.uid }
        return true, is_held
      end,
      get = function()
        reads = reads + 1
        return reads <= times and HELD or last
      end,
    }
    ctx = {
      client = function() return k8s end,
      once = function(_, _, fn, ...) return fn(...) end,
      retry = function(_, fn, ...) return fn(...) end,
      waiting = function() end,
    }
  end

  it("does not look again where nothing holds the object", function()
    there(0, false)
    leaving.delete(ctx, k8s, TARGET, { uid = "1" })
    assert.same({ "PersistentVolumeClaim", "newclient-data-pvc", "1" }, deleted)
    assert.equal(0, reads)
  end)

  it("waits until its finalizers have let it go", function()
    there(2, true)
    leaving.delete(ctx, k8s, TARGET, { uid = "1" })
    assert.equal(3, reads)
  end)

  it("does not wait for another of the same name", function()
    there(1, true, { metadata = { uid = "2" } })
    leaving.delete(ctx, k8s, TARGET, { uid = "1" })
    assert.equal(2, reads)
  end)

  it("refuses to write what is on its way out, and says what holds it", function()
    local ok, err = pcall(leaving.refuse, TARGET, HELD)
    assert.is_false(ok)
    assert.equal("being_deleted", errors.wrap(err).code)
    assert.matches("held by kubernetes.io/pvc%-protection", errors.wrap(err).message)
    leaving.refuse(TARGET, { metadata = { uid = "1" } })
    leaving.refuse(TARGET, nil)
  end)
end)
