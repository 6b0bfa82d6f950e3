--- What a function writes to standard output and standard error, instead of writing it there.

local output = require "o2x.core.output"

--- Runs fn; raises its error.
---@param fn function
---@return string stdout
---@return string stderr
return function(fn, ...)
  local texts, write = { {}, {} }, output.write
  output.write = function(fd, text)
    table.insert(texts[fd], text)
    return true
  end
  local ok, err = pcall(fn, ...)
  output.write = write
  if not ok then error(err, 0) end
  return table.concat(texts[1]), table.concat(texts[2])
end
