-- Kubeconfigs, which come from anywhere.
local kubeconfig = require "o2x.client.kubeconfig"
local only = require "tests.fuzz.only"

local path = os.tmpname()

local function write(text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

return only(function(text)
  write(text)
  kubeconfig.load { path = path }
end)
