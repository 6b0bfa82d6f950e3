-- What is decided in one place is not decided again elsewhere, and what is one thing has one name.

local fs = require "o2x.base.fs"

local function each_file(folder, see)
  for _, name in ipairs(fs.list(folder)) do
    local path = folder .. "/" .. name
    if fs.is_folder(path) then
      each_file(path, see)
    elseif name:find "%.lua$" then
      see(path, fs.read(path))
    end
  end
end

-- The files that hold a text; each as "path" of the folders.
local function holding(text, folders)
  local found = {}
  for _, folder in ipairs(folders) do
    each_file(folder, function(path, source)
      if source:find(text, 1, true) then found[#found + 1] = path end
    end)
  end
  table.sort(found)
  return found
end

describe("one place", function()
  it("says what a tenant's name may be: the engine for paths, the platform for itself", function()
    assert.same({ "lua/o2x/project/tenant_files.lua" }, holding('"^%l[%l%d-]*$"', { "lua/o2x", "stdlib", "runbooks" }))
    assert.same({ "stdlib/naming.lua" }, holding("[^a-z0-9-]", { "lua/o2x", "stdlib", "runbooks" }))
  end)

  it(
    "says what a runbook's name may be",
    function() assert.same({ "lua/o2x/project/runbook_files.lua" }, holding('"^[%l%d][%l%d-]*$"', { "lua/o2x" })) end
  )

  it("writes to standard output and standard error: base/sink.lua, which masks secrets", function()
    local found = {}
    each_file("lua", function(path, source)
      for line in source:gmatch "[^\n]+" do
        local code = line:gsub("%-%-.*", "")
        if code:find "io%.std%l+" or code:find "io%[" or code:find "io%.write" or code:find "%f[%w_.:]print%s*%(" then
          found[path] = true
        end
      end
    end)
    assert.same({}, found)
    assert.same({ "lua/o2x/base/sink.lua" }, holding('"o2x.core.output"', { "lua" }))
    -- o2x lab env prints the lab's own passwords, for a shell.
    assert.same({ "lua/lab/command.lua" }, holding("sink.bare", { "lua" }))
  end)

  it("prints in C: host/complain.c, which masks secrets; the others are signal handlers", function()
    local found = {}
    for _, name in ipairs(fs.list "host") do
      local path = "host/" .. name
      for line in (name:find "%.c$" and fs.read(path) or ""):gmatch "[^\n]+" do
        local prints = line:find "%f[%w_]v?f?d?printf%s*%(" or line:find "%f[%w_]f?puts%s*%(" or line:find "perror%s*%("
        if (prints or line:find "STD%u+_FILENO") and not line:find "^%s*[/*]" then found[path] = true end
      end
    end
    assert.same(
      { ["host/complain.c"] = true, ["host/interrupt.c"] = true, ["host/loop.c"] = true, ["host/sandbox.c"] = true },
      found
    )
  end)

  it(
    "makes what is closed at the end of a block: base/defer.lua",
    function() assert.same({}, holding("{ __close =", { "lua", "stdlib" })) end
  )
end)

describe("a module", function()
  -- A native module is the `core` of the one that wraps it.
  it("has one local name in all files that require it", function()
    local names, wrong = {}, {}
    each_file("lua", function(path, source)
      for line in source:gmatch "[^\n]+" do
        local name, rest = line:match '^%s*local ([%w_]+) = %l+%s*%(?"(.*)$'
        local module, after = (rest or ""):match '^([%w_.]+)"%)?(.*)$'
        local loads = line:find(" = require", 1, true) or line:find(" = lazy", 1, true)
        if loads and module and not after:find "^%s*%." and not module:find "^o2x%.core%." then
          names[module] = names[module] or { name = name, path = path }
          if names[module].name ~= name then
            wrong[#wrong + 1] = ("%s is %s in %s and %s in %s"):format(
              module,
              names[module].name,
              names[module].path,
              name,
              path
            )
          end
        end
      end
    end)
    assert.same({}, wrong)
  end)
end)
