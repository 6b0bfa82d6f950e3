-- Says what releases shall be, as a plan does: o2x.lua FOLDER cold|warm. The releases have what was rendered the last
-- time, so that in a warm round all are known.

local fs = require "o2x.base.fs"
local helm_client = require "o2x.client.helm"
local manifest = require "o2x.client.helm.manifest"
local render = require "o2x.effects.helm.render"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local TREE <const> = "examples/platform"
local folder, mode = arg[2], arg[3]

-- A cluster that grants everything and knows no kinds but its own.
local kinds = { api_versions = function() return {} end, find = function() return nil end }
local k8s = {
  version = function() return "v1.30.0" end,
  kinds = function() return kinds end,
  grants = { objects = function() end },
  resource = function() end,
  forget = function() end,
}

local kubeconfig = {
  text = function() return secret.new("{}", "kubeconfig") end,
  revision = function() return 0 end,
}

local helm = helm_client.new {
  kubeconfig = kubeconfig,
  k8s = k8s,
  folder = fs.join(folder, "run"),
  kept = fs.join(folder, "cache"),
}

local function record_path(name) return fs.join(folder, name .. ".yaml") end

function helm.status(_, name)
  local text = mode == "warm" and fs.read(record_path(name))
  if not text then return nil end
  local metadata = { name = name, revision = 1, status = "deployed", chart = "", app_version = "", labels = {} }
  metadata.config, metadata.manifest, metadata.hooks = {}, text, {}
  return metadata
end

local clients = { k8s = k8s, helm = helm }
local ctx = { mode = "plan", config = { platform = TREE } }
function ctx.client(_, name) return clients[name] end
function ctx.ask(_, _, fn, ...) return fn(...) end
function ctx.retry(_, fn, ...) return fn(...) end
function ctx.read(_, _, path) return fs.read(fs.join(TREE, path)) end
function ctx.log() end

local function one(line)
  local name, chart, values = line:match "^(%S+) (%S+) (%S+)$"
  local source = {}
  local desired = render.release(ctx, name, "default", { chart = chart, values = values }, source)
  if mode == "cold" then fs.write_scratch(record_path(name), manifest.text(source.objects)) end
  return desired.manifest
end

local lines = {}
for line in fs.read(fs.join(folder, "list")):gmatch "[^\n]+" do
  lines[#lines + 1] = line
end
local hashes = task.each(lines, one, { limit = 4 })
helm:close()
print(#hashes .. " releases")
