--- A server on loopback that has charts, as an OCI registry (oci://HOST/charts/NAME) and as a repository
--- (http://HOST/repo): the few requests that helm makes to pull one.

local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"

local M = {}

local MANIFEST <const> = "application/vnd.oci.image.manifest.v1+json"
local LAYER <const> = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
local CONFIG <const> = "application/vnd.cncf.helm.config.v1+json"

local Server = {}
Server.__index = Server

--- The digest of bytes, as registries write it.
---@param bytes string
---@return string
function M.digest(bytes) return "sha256:" .. crypto.sha256(bytes) end

--- Packs a chart of these files.
---@param files table<string, string> by path; Chart.yaml among them
---@return string bytes
function M.pack(files)
  local folder = fs.temp_folder()
  for name, text in pairs(files) do
    fs.write(fs.join(folder, "chart", name), text, { parents = true })
  end
  local r = proc.run { argv = { "helm", "package", fs.join(folder, "chart"), "-d", fs.join(folder, "out") } }
  assert(r.code == 0, r.stderr)
  local bytes = fs.read(fs.join(folder, "out", fs.list(fs.join(folder, "out"))[1]))
  fs.remove_tree(folder)
  return bytes
end

--- Publishes an archive under a name and a version.
---@param name string
---@param version string
---@param bytes string
---@return string digest of the archive
function Server:publish(name, version, bytes)
  local config = json.encode { apiVersion = "v2", name = name, version = version }
  local manifest = json.encode {
    schemaVersion = 2,
    mediaType = MANIFEST,
    config = { mediaType = CONFIG, digest = M.digest(config), size = #config },
    layers = { { mediaType = LAYER, digest = M.digest(bytes), size = #bytes } },
  }
  for _, blob in ipairs { bytes, config, manifest } do
    self.blobs[M.digest(blob)] = blob
  end
  self.manifests[name .. " " .. version] = manifest
  self.manifests[name .. " " .. M.digest(manifest)] = manifest
  self.archives[("%s-%s.tgz"):format(name, version)] = bytes
  self.entries[#self.entries + 1] = ("  %s:\n  - {apiVersion: v2, name: %s, version: %s, urls: ['%s']}\n"):format(
    name,
    name,
    version,
    (self.absolute and self.url .. "/repo/" or "") .. ("%s-%s.tgz"):format(name, version)
  )
  return M.digest(bytes)
end

local function answer(self, request)
  local path = request.path
  local name, reference = path:match "^/v2/charts/([^/]+)/manifests/([^/]+)$"
  if name then
    local text = self.manifests[name .. " " .. reference]
    if not text then return 404, {}, '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}' end
    return 200, { ["Content-Type"] = MANIFEST, ["Docker-Content-Digest"] = M.digest(text) }, text
  end
  local blob = self.blobs[path:match "^/v2/charts/[^/]+/blobs/(.*)$" or ""]
  if blob then return 200, { ["Content-Type"] = "application/octet-stream" }, blob end
  if path == "/v2/" then return 200, {}, "{}" end
  if path == "/repo/index.yaml" then return 200, {}, "apiVersion: v1\nentries:\n" .. table.concat(self.entries) end
  local archive = self.archives[path:match "^/repo/(.*)$" or ""]
  if archive then return 200, {}, archive end
  return 404, {}, "not found"
end

--- Starts a server.
---@param o { user: string?, password: string?, absolute: boolean? }? absolute: the index has whole URLs
---@return table server host, url, requests (how many), publish, stop
function M.start(o)
  o = o or {}
  local self = setmetatable({
    blobs = {},
    manifests = {},
    archives = {},
    entries = {},
    requests = 0,
    absolute = o.absolute,
  }, Server)
  local wanted = o.user and "Basic " .. crypto.base64(o.user .. ":" .. o.password)
  self.server = httpd.serve {
    handler = function(request)
      self.requests = self.requests + 1
      if wanted and request.headers.authorization ~= wanted then
        return 401, { ["WWW-Authenticate"] = 'Basic realm="charts"' }, "{}"
      end
      return answer(self, request)
    end,
  }
  self.host = "127.0.0.1:" .. self.server.port
  self.url = "http://" .. self.host
  return self
end

--- Stops it.
function Server:stop() self.server:stop() end

return M
