--- make from nothing, and the size of what it makes.

local fs = require "o2x.base.fs"

return {
  title = "make from nothing (two jobs), and the size of build/o2x",
  rounds = 3,
  differs = "the copy that is built has no tests; Lua itself is the distribution's library",
  setup = function(folder)
    for _, name in ipairs { "host", "lua", "scripts", "Makefile", "bench" } do
      fs.copy_tree(name, fs.join(folder, name))
    end
    return folder
  end,
  contenders = function(folder)
    local script = [[
      make -s -j2 build/o2x
      echo "also: build/o2x $(stat -c %s build/o2x) bytes"
      strip -o build/stripped build/o2x
      echo "also: $(stat -c %s build/stripped) without debug information"
      echo "also: bytecode $(size -A build/embedded_o2x.o | awk '$1 == ".rodata" { print $2 }') bytes"]]
    return {
      {
        name = "make -j2 build/o2x",
        argv = { "sh", "-ec", 'cd "$1"; ' .. script, "sh", folder },
        before = function() fs.remove_tree(fs.join(folder, "build")) end,
        check = function() assert(fs.exists(fs.join(folder, "build/o2x"))) end,
      },
    }
  end,
}
