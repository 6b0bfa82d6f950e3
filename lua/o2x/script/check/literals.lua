--- o2x check: finds secrets in the source.

local parser = require "o2x.script.check.parser"

local M = {}

-- Lua's own: the methods of texts are those of scripts, which count their steps.
local find, sub = string.find, string.sub

-- Patterns of well-known credentials, by what each text of the kind has in it; with "^" it begins with that.
local SHAPES = {
  { "^AKIA", "^AKIA[%u%d]+$", 20, "an AWS access key" },
  { "^ASIA", "^ASIA[%u%d]+$", 20, "an AWS access key" },
  { "k_live_", "^[sr]k_live_%w+", 16, "a Stripe key" },
  { "^sk_test_", "^sk_test_%w+", 16, "a Stripe key" },
  { "^hv", "^hv[sbr]%.%w+", 16, "a Vault token" },
  { "^gh", "^gh[pousr]_%w+", 20, "a GitHub token" },
  { "^github_pat_", "^github_pat_", 20, "a GitHub token" },
  { "^glpat-", "^glpat%-", 16, "a GitLab token" },
  { "^xox", "^xox[abprs]%-", 16, "a Slack token" },
  { "^SG.", "^SG%.[%w_-]+%.", 20, "a SendGrid key" },
  { "^eyJ", "^eyJ[%w_-]+%.eyJ[%w_-]+%.", 20, "a JSON web token" },
  { "-----BEGIN ", "%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY", 20, "a private key" },
  { "^$2", "^%$2[aby]%$%d%d%$", 50, "a password's hash" },
  { "^https://hooks.", "^https://hooks%.slack%.com/services/%w", 20, "a Slack web hook" },
  { "://", "%a[%w+.-]*://[^/%s:@]+:[^/%s@%%{}<>$]+@", 8, "a URL with a password" },
}

local SHORTEST <const> = 8 -- characters of a secret

-- The shapes that a text with a first character can have, in the order of SHAPES.
local function shapes_of(first)
  local list = {}
  for _, shape in ipairs(SHAPES) do
    local begins = shape[1]:match "^%^(.)"
    if not begins or begins == first then list[#list + 1] = shape end
  end
  return list
end

local by_first = setmetatable({}, {
  __index = function(all, first)
    all[first] = shapes_of(first)
    return all[first]
  end,
})

-- Does a text have it? A plain search costs little; the patterns are for few texts.
local function has(text, part)
  if sub(part, 1, 1) == "^" then return sub(text, 1, #part - 1) == sub(part, 2) end
  return find(text, part, 1, true) ~= nil
end

local NAMES = {
  "password",
  "passwd",
  "passphrase",
  "api[_-]?key",
  "secret[_-]?key",
  "client[_-]?secret",
  "auth[_-]?token",
  "access[_-]?token",
  "private[_-]?key",
  "^token$",
  "^secret$",
}

local function names_secret(name)
  name = name:lower()
  for _, pattern in ipairs(NAMES) do
    if name:find(pattern) then return true end
  end
  return false
end

-- Ordinary words and paths are names of secrets, not secrets.
local function looks_random(text)
  if #text < SHORTEST or find(text, "[%s/%%{}<>$‹]") then return false end
  return find(text, "%a") ~= nil and find(text, "[^%a_.-]") ~= nil
end

local function named(context, name, node, line)
  if type(name) ~= "string" or not node or node.k ~= "string" then return end
  if looks_random(node.value) and names_secret(name) then
    context.problem(
      line,
      ("%s looks like a secret in the source"):format(name),
      "read secrets from tenant.secrets or with vault.read"
    )
    node.reported = true
  end
end

local function shaped(context, node)
  local text = node.value
  if #text < SHORTEST or node.reported then return end
  for _, shape in ipairs(by_first[sub(text, 1, 1)]) do
    if #text >= shape[3] and has(text, shape[1]) and find(text, shape[2]) then
      context.problem(
        node.line,
        shape[4] .. " in the source",
        "revoke it, then read the new one from tenant.secrets or with vault.read"
      )
      return
    end
  end
end

--- Reports literals that look like secrets.
---@param context table
function M.check(context)
  parser.each(context.tree, "table", function(node)
    for _, item in ipairs(node.items) do
      named(context, item.name, item.value, item.line)
    end
  end)
  parser.each(context.tree, "local", function(node)
    for i, var in ipairs(node.vars) do
      named(context, var.name, node.values[i], node.line)
    end
  end)
  parser.each(context.tree, "assign", function(node)
    for i, target in ipairs(node.targets) do
      local key = target.k == "index" and target.key or target
      named(context, key.value or key.name, node.values[i], node.line)
    end
  end)
  parser.each(context.tree, "string", function(node) shaped(context, node) end)
end

return M
