-- What makes a test fail by chance, as far as its text shows it: a name in /tmp that another run has too, and a span of
-- time that a busy machine exceeds.

local fs = require "o2x.base.fs"

-- Names that nothing writes or looks at: words of statements and commands that are refused or printed.
local NOT_WRITTEN <const> = {
  ["made.dump"] = true,
  ["no-such.dump"] = true,
  ["o2x-broken-out"] = true,
  ["o2x-hostile-report.xml"] = true,
  ["urbanos.dump"] = true,
  ["x"] = true,
  ["x.xml"] = true,
}

local LEAST <const> = 20 -- seconds that a test may set as a limit of the wall clock's

local function each_line(folder, see)
  for _, name in ipairs(fs.list(folder)) do
    local path = fs.join(folder, name)
    if fs.is_folder(path) then
      each_line(path, see)
    elseif name:find "%.lua$" and path ~= "tests/house/chance_spec.lua" then
      local number = 0
      for line in (fs.read(path) .. "\n"):gmatch "([^\n]*)\n" do
        number = number + 1
        see(line, ("%s:%d"):format(path, number))
      end
    end
  end
end

-- The names in /tmp of a line. What fs.temp_folder takes, or ends with a hyphen, only begins the name of a folder.
local function fixed_names(line)
  line = line:gsub('temp_folder%(?%s*"[^"]*"', "")
  local used = line:match '[%a_]+%.[%a_]+[ (]+"/tmp/([%w._-]+)"' -- fs.exists "/tmp/x": somebody may have left it
  if used then return { used } end
  local found = {}
  for name, after in line:gmatch "/tmp/([%w._-]+)(.?)" do
    if name:sub(-1) ~= "-" and after ~= "%" and not NOT_WRITTEN[name] then found[#found + 1] = name end
  end
  return found
end

local function is_short_span(line)
  local limit = line:match "assert.*task%.now%(%) %- [%w_.]+ <=? ([%d.]+)"
  return limit ~= nil and tonumber(limit) < LEAST
end

describe("no test fails by chance:", function()
  it("names in /tmp are made for one run", function()
    local found = {}
    each_line("tests", function(line, where)
      for _, name in ipairs(fixed_names(line)) do
        found[#found + 1] = ("%s: /tmp/%s may be another run's: use fs.temp_folder"):format(where, name)
      end
    end)
    assert.same({}, found)
  end)

  it("no span of the wall clock has to be short", function()
    local found = {}
    each_line("tests", function(line, where)
      if is_short_span(line) then
        found[#found + 1] = ("%s: less than %d s is exceeded on a busy machine"):format(where, LEAST)
      end
    end)
    assert.same({}, found)
  end)

  it("which the lines of a test show", function()
    assert.same({ "o2x-mine.txt" }, fixed_names 'fs.write("/tmp/o2x-mine.txt", fs.temp_folder "/tmp/o2x-test-")')
    assert.same({ "x" }, fixed_names 'assert.is_false(fs.exists "/tmp/x")')
    assert.same({}, fixed_names "select lo_export(1, '/tmp/x')")
    assert.is_true(is_short_span "    assert.is_true(task.now() - began < 5)")
    assert.is_false(is_short_span "    assert.is_true(task.now() - began < 60)")
  end)
end)
