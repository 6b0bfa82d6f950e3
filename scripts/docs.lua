-- Generates documents from the sources (make docs): build/o2x-dev scripts/docs.lua
-- tests/house/documents_spec.lua fails if a committed one is out of date.

local fs = require "o2x.base.fs"

for _, page in ipairs { "scripting", "man", "effects", "retries" } do
  local made = require("scripts.docs." .. page)
  fs.write(made.path, made.text(), { mode = tonumber("644", 8) })
  print(made.path)
end
