local archive = require "o2x.client.pg.archive"
local crypto = require "o2x.base.crypto"
local file = require "o2x.effects.archive.file"
local folder = require "tests.support.folder"
local json = require "o2x.base.json"
local restore = require "o2x.client.pg.restore"

local OWNER <const> = { table = "core.tenant", key = { id = "T-1", name = "acme" } }
local SCOPE <const> = { pg = { tenant = "coredb-acme" }, archive = { owner = OWNER } }

local function note(fields)
  local text = { format = "o2x archive 1", tables = { ["core.tenant"] = { rows = 1, checksum = "x" } } }
  for name, value in pairs(fields or {}) do
    text[name] = value
  end
  return json.encode(text)
end

describe("an archive in a file", function()
  local place, real, ctx
  before_each(function()
    place = folder { ["a.dump"] = "the contents" }
    ctx = { run_id = "R-1", scope = SCOPE, waiting = function() end }
    real = { header = archive.header, contents = archive.contents, inspect = restore.inspect }
    archive.header = function() return { created = "then", database = "coredb-acme", server = "16" } end
    local counts = { ["core.tenant"] = 1, ['core."order"'] = 5 }
    restore.inspect = function() return counts, { { id = "T-1", name = "acme" } } end
    archive.contents = restore.inspect
  end)
  after_each(function()
    archive.header, archive.contents, restore.inspect = real.header, real.contents, real.inspect
    place:close()
  end)

  local function refused(kind, message, fn, ...)
    local ok, err = pcall(fn, ...)
    assert.is_false(ok)
    assert.equal(kind, err.kind)
    assert.matches(message, tostring(err))
  end

  local function examine(wanted) return file.examine(ctx, place:at "a.dump", wanted) end

  it("is read to its end, without a note too", function()
    local found = file.examine(ctx, place:at "a.dump", "core.order")
    assert.same({ 2, 6, 'core."order"', false }, { found.tables, found.rows, found.table, found.complete })
    assert.equal(crypto.sha256 "the contents", found.sha256)
  end)

  it("is the one that its note speaks of", function()
    place:write("a.dump.json", note { bytes = 12, sha256 = crypto.sha256 "the contents", at = "2026" })
    assert.is_true(file.examine(ctx, place:at "a.dump").complete)
    place:write("a.dump.json", note { bytes = 12, sha256 = crypto.sha256 "other contents" })
    refused("input", "a.dump", file.examine, ctx, place:at "a.dump")
    place:write("a.dump.json", note { bytes = 99, sha256 = crypto.sha256 "the contents" })
    refused("input", "12 bytes", file.examine, ctx, place:at "a.dump")
  end)

  it("of another tenant, of several or of nobody is refused", function()
    local other, own = { id = "T-2", name = "acme" }, { id = "T-1", name = "acme" }
    for _, rows in ipairs { {}, { other }, { own, other } } do
      restore.inspect = function() return {}, rows end
      refused("refused", "a.dump", file.examine, ctx, place:at "a.dump")
    end
  end)

  it(
    "says which table it has not, and which is near",
    function() refused("input", "core.oder; did you mean core.order", examine, "core.oder") end
  )

  it("is a file that is there", function()
    refused("input", "nosuch", file.examine, ctx, place:at "nosuch")
    refused("input", "not an archive", file.examine, ctx, place.path)
  end)

  it("is never written over", function()
    local target = { path = place:at "a.dump", database = "coredb-acme" }
    refused("conflict", "a.dump", file.file.read, ctx, target)
    place:write("a.dump.json", note { run = "R-2", database = "coredb-acme" })
    refused("conflict", "a.dump", file.file.read, ctx, target)
    local of = { run = "R-1", database = "coredb-acme", bytes = 12, sha256 = crypto.sha256 "the contents" }
    place:write("a.dump.json", note(of))
    assert.equal(12, file.file.read(ctx, target).bytes)
  end)

  it("must hold what its note says; without one, as many rows as it has", function()
    assert.same({ ["core.tenant"] = { rows = 1 }, ['core."order"'] = { rows = 5 } }, file.expected(place:at "a.dump"))
    place:write("a.dump.json", note())
    assert.same({ ["core.tenant"] = { rows = 1, checksum = "x" } }, file.expected(place:at "a.dump"))
  end)
end)

describe("a note about an archive", function()
  it("lies beside it", function() assert.equal("/x/a.dump.json", file.note_path "/x/a.dump") end)

  it("is nothing else of that name", function()
    local place <close> = folder { ["a.dump.json"] = '{"mine":true}' }
    local ok, err = pcall(file.note, place:at "a.dump")
    assert.is_false(ok)
    assert.equal("input", err.kind)
    assert.is_nil(file.note(place:at "b.dump"))
  end)

  it("has totals", function() assert.same({ 2, 6 }, { file.totals { a = { rows = 1 }, b = { rows = 5 } } }) end)
end)
