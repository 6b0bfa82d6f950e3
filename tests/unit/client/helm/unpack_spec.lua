local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"
local unpack_chart = require("o2x.client.helm.unpack").unpack

-- ---- archives, made by hand ----

local function field(text, length) return text .. ("\0"):rep(length - #text) end

-- One entry of a tar archive. o: type, size (what the header says), prefix, sum (false: a wrong one), link
local function entry(path, bytes, o)
  o = o or {}
  local size = ("%011o"):format(o.size or #bytes)
  local first = field(path, 100) .. field("0000644", 8) .. field("0", 8) .. field("0", 8) .. field(size, 12)
  local rest = (o.type or "0")
    .. field(o.link or "", 100)
    .. "ustar\00000"
    .. field("", 80)
    .. field(o.prefix or "", 155)
  local header = first .. field("0", 12) .. (" "):rep(8) .. rest
  header = field(header, 512)
  local sum = 0
  for i = 1, 512 do
    sum = sum + header:byte(i)
  end
  header = header:sub(1, 148) .. field(("%06o"):format(o.sum == false and 1 or sum), 8) .. header:sub(157)
  return header .. bytes .. ("\0"):rep(-#bytes % 512)
end

local OUTSIDE <const> = fs.temp_folder() -- a path that nobody else has
fs.remove_tree(OUTSIDE)
local END <const> = ("\0"):rep(1024)
local CHART <const> = entry("app/Chart.yaml", "name: app\n")

local function record(name, value)
  local text = (" %s=%s\n"):format(name, value)
  local length = #text + 2
  return length .. text
end

describe("the archive of a chart", function()
  local dir
  before_each(function() dir = fs.temp_folder() end)
  after_each(function() fs.remove_tree(dir) end)

  local function archive(tar)
    fs.write(dir .. "/a.tar", tar)
    local r = proc.run { argv = { "gzip", "-nf", dir .. "/a.tar" } }
    assert.equal(0, r.code, r.stderr)
    return dir .. "/a.tar.gz"
  end

  local function unpacked(tar)
    local path = archive(tar)
    unpack_chart(path, dir .. "/out")
    return function(name) return fs.read_if(dir .. "/out/" .. name) end
  end

  it("is what helm and tar make of it", function()
    fs.write(dir .. "/x/app/templates/deep/a.yaml", "a: 1\n", { parents = true })
    fs.write(dir .. "/x/app/empty", "")
    fs.write(dir .. "/x/app/" .. ("n"):rep(90) .. "/longer-than-100", "l", { parents = true })
    for _, form in ipairs { "gnu", "pax", "ustar" } do
      local path = ("%s/%s.tgz"):format(dir, form)
      proc.run { argv = { "tar", "--format=" .. form, "-czf", path, "-C", dir .. "/x", "app" } }
      unpack_chart(path, ("%s/%s"):format(dir, form))
      assert.equal("a: 1\n", fs.read(("%s/%s/templates/deep/a.yaml"):format(dir, form)), form)
      assert.equal("", fs.read(("%s/%s/empty"):format(dir, form)))
      assert.equal("l", fs.read(("%s/%s/%s/longer-than-100"):format(dir, form, ("n"):rep(90))), form)
    end
  end)

  it("may have its paths with a dot before them, a comment, and names in parts", function()
    local read = unpacked(
      entry("pax_global_header", record("comment", "x"), { type = "g" })
        .. entry("./app/", "", { type = "5" })
        .. entry("./app/Chart.yaml", "c")
        .. entry("a.yaml", "t", { prefix = "app/templates" })
        .. END
    )
    assert.same({ "c", "t" }, { read "Chart.yaml", read "templates/a.yaml" })
  end)

  -- what is in the archive → what is said of it
  local REFUSED <const> = {
    ["a link"] = { entry("app/x", "", { type = "2", link = "/etc/passwd" }), "neither a file nor a folder" },
    ["a hard link"] = { entry("app/x", "", { type = "1", link = "app/Chart.yaml" }), "neither a file nor a folder" },
    ["a device"] = { entry("app/x", "", { type = "3" }), "neither a file nor a folder" },
    ["a pipe"] = { entry("app/x", "", { type = "6" }), "neither a file nor a folder" },
    ["a path upwards"] = { entry("app/../../x", "x"), "leads out of the chart" },
    ["a path upwards at the start"] = { entry("../app/x", "x"), "leads out of the chart" },
    ["an absolute path"] = { entry(OUTSIDE, "x"), "leads out of the chart" },
    ["an empty path"] = { entry("", "x"), "leads out of the chart" },
    ["a path with a control character"] = { entry("app/a\nb", "x"), "leads out of the chart" },
    ["a path with a backslash"] = { entry("app/..\\x", "x"), "leads out of the chart" },
    ["a path upwards in an extended header"] = {
      entry("x", record("path", "app/../../evil"), { type = "x" }) .. entry("app/x", "x"),
      "leads out of the chart",
    },
    ["a path upwards in a long name"] = {
      entry("././@LongLink", "app/../../evil\0", { type = "L" }) .. entry("app/x", "x"),
      "leads out of the chart",
    },
    ["a path that is too long"] = {
      entry("././@LongLink", "app/" .. ("x"):rep(2000), { type = "L" }) .. entry("app/x", "x"),
      "leads out of the chart",
    },
    ["a broken extended header"] = { entry("x", "99999 path=x\n", { type = "x" }), "cannot be read" },
    ["a size in an extended header"] = { entry("x", record("size", "9"), { type = "x" }), "too large" },
    ["a second folder"] = { entry("other/x", "x"), "has two folders, app and other" },
    ["a file twice"] = { entry("app/Chart.yaml", "x"), "has Chart.yaml twice" },
    ["a file in place of the folder"] = { entry("app", "x"), "in place of the chart's folder" },
    ["a wrong sum"] = { entry("app/x", "x", { sum = false }), "is damaged" },
    ["a file that is cut off"] = { entry("app/x", "x", { size = 100000 }), "ends too early" },
    ["a size that is no number"] = { (entry("app/x", "x"):gsub("00000000001", "zzzzzzzzzzz")), "is damaged" },
  }
  for what, case in pairs(REFUSED) do
    it("with " .. what .. " is refused, and nothing is written outside", function()
      local e = raised(unpacked, CHART .. case[1] .. END)
      assert.equal("refused", e.kind)
      assert.is_truthy(e.message:find(case[2], 1, true), e.message)
      assert.same({ "a.tar.gz", "out" }, fs.list(dir))
      assert.is_false(fs.exists(OUTSIDE))
    end)
  end

  it("that does not end, or is something else, is refused", function()
    assert.matches("ends too early", raised(unpacked, CHART).message)
    fs.write(dir .. "/b", "hello")
    assert.matches("is no gzip archive", raised(unpack_chart, dir .. "/b", dir .. "/o").message)
    assert.matches("is no tar archive", raised(unpack_chart, archive(("x"):rep(2000)), dir .. "/o").message)
  end)

  it("that unpacks to more than a chart may have is refused", function()
    proc.run { argv = { "truncate", "-s", "70M", dir .. "/big.tar" } }
    proc.run { argv = { "gzip", "-1", dir .. "/big.tar" }, timeout = 120 }
    assert.matches("more than 64 MB", raised(unpack_chart, dir .. "/big.tar.gz", dir .. "/o").message)
  end)
end)
