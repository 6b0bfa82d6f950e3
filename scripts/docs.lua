-- Writes the documents that are made from the sources (make docs): build/o2x-dev scripts/docs.lua
-- tests/house/documents_spec.lua fails when a committed one is not what the sources give.

local fs = require "o2x.base.fs"

for _, page in ipairs { "scripting", "man" } do
  local made = require("scripts.docs." .. page)
  fs.write(made.path, made.text(), { mode = tonumber("644", 8) })
  print(made.path)
end
