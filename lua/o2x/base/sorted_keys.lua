---The keys of tables in a fixed order, for messages and for output that must be the same each time.

---@param ... table<string, any>
---@return string[] keys of all the tables, each once, as texts, sorted
return function(...)
  local seen, keys = {}, {}
  for _, map in ipairs { ... } do
    for key in pairs(map) do
      if not seen[key] then keys[#keys + 1] = tostring(key) end
      seen[key] = true
    end
  end
  table.sort(keys)
  return keys
end
