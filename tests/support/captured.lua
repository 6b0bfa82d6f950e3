--- What a function writes to standard output and standard error, instead of writing it there.

-- luacheck: globals io

--- Runs fn; raises its error.
---@param fn function
---@return string stdout
---@return string stderr
return function(fn, ...)
  local texts, real = { stdout = {}, stderr = {} }, { stdout = io.stdout, stderr = io.stderr }
  for name, list in pairs(texts) do
    io[name] = {
      write = function(_, ...)
        for _, text in ipairs { ... } do
          list[#list + 1] = text
        end
      end,
    }
  end
  local ok, err = pcall(fn, ...)
  io.stdout, io.stderr = real.stdout, real.stderr
  if not ok then error(err, 0) end
  return table.concat(texts.stdout), table.concat(texts.stderr)
end
