-- What a plan starts from: platform.yaml and a tenant file, of any shape.
local json = require "o2x.base.json"
local only = require "tests.fuzz.only"
local project = require "o2x.project.project"
local sandbox = require "o2x.script.sandbox"
local yaml = require "o2x.base.yaml"

local platform = sandbox.new(project.at "."):require "stdlib.platform"

local function document(text, name)
  local value = yaml.decode(text, name)
  return type(value) == "table" and value ~= json.null and value or {}
end

return only(function(text)
  local settings, file = text:match "^(.-)\n%-%-%-%-\n(.*)$"
  if not settings then return end
  local path = "tenants/x.yaml"
  local tenant = platform.load("x", document(settings, "platform.yaml"), document(file, path), path, {})
  if tenant then platform.grants(tenant) end
end)
