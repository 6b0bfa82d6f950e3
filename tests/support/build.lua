-- The programs under test: those of build/, or of the folder that O2X_BUILD names (build/asan).

local fs = require "o2x.base.fs"

local folder = fs.realpath(os.getenv "O2X_BUILD" or "build")

-- The sanitizers look at the same code each time it runs: sweeps may take longer strides under them.
local sanitized = folder:find("/asan$") ~= nil

return { sanitized = sanitized, o2x = fs.join(folder, "o2x"), dev = fs.join(folder, "o2x-dev") }
