--- o2x check: finds secrets in the source.

local parser = require "o2x.script.check.parser"

local M = {}

-- Patterns of well-known credentials.
local SHAPES = {
  { "^AKIA[%u%d]+$", 20, "an AWS access key" },
  { "^ASIA[%u%d]+$", 20, "an AWS access key" },
  { "^[sr]k_live_%w+", 16, "a Stripe key" },
  { "^sk_test_%w+", 16, "a Stripe key" },
  { "^hv[sbr]%.%w+", 16, "a Vault token" },
  { "^gh[pousr]_%w+", 20, "a GitHub token" },
  { "^github_pat_", 20, "a GitHub token" },
  { "^glpat%-", 16, "a GitLab token" },
  { "^xox[abprs]%-", 16, "a Slack token" },
  { "^SG%.[%w_-]+%.", 20, "a SendGrid key" },
  { "^eyJ[%w_-]+%.eyJ[%w_-]+%.", 20, "a JSON web token" },
  { "%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY", 20, "a private key" },
  { "^%$2[aby]%$%d%d%$", 50, "a password's hash" },
  { "^https://hooks%.slack%.com/services/%w", 20, "a Slack web hook" },
  { "%a[%w+.-]*://[^/%s:@]+:[^/%s@%%{}<>$]+@", 8, "a URL with a password" },
}

local NAMES = {
  "password",
  "passwd",
  "passphrase",
  "api_?key",
  "apikey",
  "secret_?key",
  "client_?secret",
  "auth_?token",
  "access_?token",
  "private_?key",
  "^token$",
  "^secret$",
}

local function names_secret(name)
  name = name:lower()
  for _, pattern in ipairs(NAMES) do
    if name:find((pattern:gsub("_%?", "[_-]?"))) then return true end
  end
  return false
end

-- Ordinary words and paths are names of secrets, not secrets.
local function looks_random(text)
  if #text < 8 or text:find("[%s/%%{}<>$‹]") then return false end
  return text:find("%a") ~= nil and text:find("[^%a_.-]") ~= nil
end

local function named(context, name, node, line)
  if type(name) ~= "string" or not node or node.k ~= "string" or not names_secret(name) then return end
  if looks_random(node.value) then
    context.problem(
      line,
      ("%s looks like a secret in the source"):format(name),
      "read secrets from tenant.secrets or with vault.read"
    )
    node.reported = true
  end
end

local function shaped(context, node)
  if node.reported then return end
  for _, shape in ipairs(SHAPES) do
    if #node.value >= shape[2] and node.value:find(shape[1]) then
      context.problem(
        node.line,
        shape[3] .. " in the source",
        "revoke it, then read the new one from tenant.secrets or with vault.read"
      )
      return
    end
  end
end

--- Reports literals that look like secrets.
---@param context table
function M.check(context)
  parser.walk(context.tree, function(node)
    if node.k == "table" then
      for _, item in ipairs(node.items) do
        named(context, item.name, item.value, item.line)
      end
    elseif node.k == "local" then
      for i, var in ipairs(node.vars) do
        named(context, var.name, node.values[i], node.line)
      end
    elseif node.k == "assign" then
      for i, target in ipairs(node.targets) do
        local key = target.k == "index" and target.key or target
        named(context, key.value or key.name, node.values[i], node.line)
      end
    elseif node.k == "string" then
      shaped(context, node)
    end
  end)
end

return M
