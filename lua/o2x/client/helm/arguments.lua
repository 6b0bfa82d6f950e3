--- Arguments of helm's commands.

local M = {}

--- The label of releases that o2x wrote; its value names the effect, or the run.
M.LABEL = "o2x-effect"

--- Adds an option and its value.
---@param words string[]
---@param option string
---@param value string
function M.add(words, option, value)
  words[#words + 1], words[#words + 2] = option, value
end

--- Adds the files of values.
---@param words string[]
---@param paths string[]
---@return string[] words
function M.with_values(words, paths)
  for _, path in ipairs(paths) do
    M.add(words, "-f", path)
  end
  return words
end

--- The words of an upgrade, up to those that tell how it gets its objects.
---@param name string
---@param chart string folder
---@param release o2x.helm.release
---@param seconds number
---@return string[] words
function M.upgrade(name, chart, release, seconds)
  local words = { "upgrade", name, chart, "--install", "-n", release.namespace, "--reset-values" }
  M.add(words, "--timeout", ("%ds"):format(seconds))
  if release.label then M.add(words, "--labels", M.LABEL .. "=" .. release.label) end
  return words
end

--- helm reports the path of our temporary values file; replaces it by the name that the user knows.
---@param r table result of proc.run
---@param paths string[]
---@param names string[]?
function M.name_values_file(r, paths, names)
  for i, path in ipairs(paths) do
    local at = r.stderr:find(path, 1, true)
    if at then r.stderr = r.stderr:sub(1, at - 1) .. (names and names[i] or "values") .. r.stderr:sub(at + #path) end
  end
end

return M
