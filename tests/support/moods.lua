--- A failure that a rule of lua/o2x/base/retry_rules recognises, made from the rule's own patterns.

local M = {}

-- The shortest plain text that a pattern of the rules matches.
local function plain(pattern)
  if not pattern then return nil end
  local text = pattern:gsub("^%^", ""):gsub("%$$", "")
  text = text:gsub("%%d", "0"):gsub("%%w%*", "Some"):gsub("%.%*", ": "):gsub("%[(.)[^%]]*%]", "%1"):gsub(" %?", "")
  text = text:gsub("(%a)%?", "%1"):gsub("%%(%p)", "%1")
  return text
end

--- What a client knows of such a failure.
---@param rule o2x.retry_rule
---@return { status: integer?, code: string?, text: string?, uncertain: boolean? }
function M.of(rule)
  return {
    status = math.tointeger(tonumber(plain(rule.status))),
    code = plain(rule.code),
    text = plain(rule.text),
    uncertain = rule.uncertain,
  }
end

--- The name of a rule in a test.
---@param rule o2x.retry_rule
---@return string
function M.name(rule)
  local parts = {}
  for _, part in ipairs { "status", "code", "text" } do
    parts[#parts + 1] = rule[part]
  end
  return table.concat(parts, " ")
end

return M
