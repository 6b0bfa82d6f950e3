--- Policies: the part of Vault's policy language that defines paths, and the capabilities that follow from it.

local M = {}

local DEFAULT <const> = [[
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
path "sys/internal/ui/resultant-acl" { capabilities = ["read"] }
path "sys/wrapping/wrap" { capabilities = ["update"] }
path "sys/wrapping/lookup" { capabilities = ["update"] }
path "sys/wrapping/unwrap" { capabilities = ["update"] }
]]

--- Parses a policy: path "…" { capabilities = ["…"] } blocks and comments.
---@param text string
---@return table[]|nil rules { pattern, capabilities (set) }
---@return string? problem
function M.parse(text)
  local rules, rest = {}, text:gsub("#[^\n]*", ""):gsub("//[^\n]*", "")
  while true do
    rest = rest:gsub("^%s+", "")
    if rest == "" then return rules end
    local pattern, block, after = rest:match '^path%s+"([^"]*)"%s*(%b{})(.*)$'
    if not pattern then return nil, "failed to parse policy: expected a path block" end
    local list = block:match "capabilities%s*=%s*(%b[])"
    if not list then return nil, "failed to parse policy: path without capabilities" end
    local capabilities = {}
    for name in list:gmatch '"(%w+)"' do
      capabilities[name] = true
    end
    rules[#rules + 1] = { pattern = pattern, capabilities = capabilities }
    rest = after
  end
end

-- "+" matches one path element, "*" at the end matches anything.
local function matches(pattern, path)
  local glob = pattern:sub(-1) == "*"
  local plain = glob and pattern:sub(1, -2) or pattern
  local lua = plain:gsub("%p", function(c) return c == "+" and "[^/]+" or "%" .. c end)
  return path:find("^" .. lua .. (glob and "" or "$")) ~= nil
end

-- Vault's precedence: the pattern with the later wildcard wins, then the longer one.
local function precedence(pattern)
  local wildcard = pattern:find "[%+%*]"
  return (wildcard or 1e6) * 1e4 + #pattern
end

--- The capabilities that policies give for a path.
---@param texts table<string, string> all policies by name
---@param names string[] the token's policies
---@param path string
---@return table<string, boolean> set of capabilities; empty: the request is denied
function M.capabilities(texts, names, path)
  local best, allowed = -1, {}
  for _, name in ipairs(names) do
    if name == "root" then return { root = true } end
    local text = texts[name] or (name == "default" and DEFAULT) or ""
    for _, rule in ipairs(M.parse(text) or {}) do
      local rank = precedence(rule.pattern)
      if matches(rule.pattern, path) and rank >= best then
        if rank > best then
          best, allowed = rank, {}
        end
        for capability in pairs(rule.capabilities) do
          allowed[capability] = true
        end
      end
    end
  end
  return allowed.deny and {} or allowed
end

return M
