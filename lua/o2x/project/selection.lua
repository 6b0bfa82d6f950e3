--- Which tenants a rule of the project is about: all, names, or fields (environment=production). The words are those of
--- --tenants.

local suggest = require "o2x.base.suggest"

local M = {}

local ALIASES <const> = { env = "environment" }

--- The words of a rule.
---@param value any of a YAML file: a text with commas, a list, or nil for all
---@param known string[] the names of all tenants
---@return string[]? words nil if they are wrong
---@return string? text which
---@return string? message why
function M.words(value, known)
  if type(value) == "table" then value = table.concat(value, ",") end
  local words, names, fields = {}, {}, 0
  for _, name in ipairs(known) do
    names[name] = true
  end
  for word in tostring(value or "all"):gmatch "[^,]+" do
    word = word:match "^%s*(.-)%s*$"
    words[#words + 1] = word
    local is_field = word:find "^[%w_]+=.+" ~= nil
    fields = fields + (is_field and 1 or 0)
    if not is_field and word ~= "all" and not names[word] then
      return nil, word, ("there is no tenant %s%s"):format(word, suggest.did_you_mean(word, known))
    end
  end
  if #words == 0 or fields > 0 and fields < #words then
    return nil, "tenants", "expected all, names, or FIELD=VALUE, as --tenants"
  end
  return words
end

--- Is a rule about a tenant? By names: if one is its name; by fields: if it has all of them.
---@param words string[]
---@param tenant table with its fields
---@return boolean
function M.has(words, tenant)
  local all_fields, named, fields = true, false, false
  for _, word in ipairs(words) do
    local field, value = word:match "^([%w_]+)=(.+)$"
    if field then
      fields = true
      local found = tenant[ALIASES[field] or field]
      all_fields = all_fields and found ~= nil and tostring(found) == value
    elseif word == "all" or word == tenant.name then
      named = true
    end
  end
  return named or fields and all_fields
end

return M
