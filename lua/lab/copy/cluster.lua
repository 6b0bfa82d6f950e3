--- Copies a tenant's objects of Kubernetes: what clients made, what controllers made of it, and helm's records. Copies
--- have uids, addresses and certificates of their own; what controllers would decide again is as it was decided.

local crypto = require "o2x.base.crypto"
local helm_records = require "lab.helm_records"
local allocate = require "lab.k8s.allocate"
local pods = require "lab.k8s.controllers.pods"
local stencil = require "lab.stencil"
local task = require "o2x.base.task"
local uuid = require "lab.uuid"
local value = require "lab.k8s.value"
local fs = require "o2x.base.fs"

local M = {}

local EVENTS <const> = { ["/events"] = true, ["events.k8s.io/events"] = true }
local CERTIFICATES <const> = "cert-manager.io/certificates"
local AT_ONCE <const> = 4 -- programs that sign or pack

-- ---- which objects ----

local function is_of(object, has)
  local claim = value.get(object, "spec", "claimRef", "name") -- a volume has its claim's name
  return has(object.metadata.name) or claim and has(claim)
end

local function find(lab, has)
  local found = {}
  for store, list in pairs(lab.state("k8s").objects) do
    for _, object in pairs(EVENTS[store] and {} or list) do
      if is_of(object, has) then found[#found + 1] = { store = store, object = object } end
    end
  end
  return found
end

-- ---- words besides names: each is followed by what makes the copy's ----

local function add_uid(list, item)
  local uid, at = item.object.metadata.uid, #list + 1
  list[at] = { uid, uuid }
  if item.store == "/persistentvolumeclaims" then -- part of the volume's handle
    list[#list + 1] = { uid:sub(-12), function(words) return words[at]:sub(-12) end }
  end
end

local function add_address(lab, list, item)
  local spec, status = item.object.spec or {}, item.object.status or {}
  if item.store == "/services" and spec.clusterIP ~= "None" then
    list[#list + 1] = { spec.clusterIP, function() return allocate.service_address(lab.state "k8s") end }
  elseif item.store == "/pods" and status.podIP then
    list[#list + 1] = { status.podIP, function() return pods.address(lab.k8s.api.settings) end }
  end
end

-- { word, function(words so far) → the copy's word }, beside the names.
local function drawn_words(lab, found)
  local list = {}
  for _, item in ipairs(found) do
    add_uid(list, item)
    add_address(lab, list, item)
  end
  return list
end

-- ---- one copy ----

local function cut(found, mark)
  local parts = {}
  for i, item in ipairs(found) do
    local object = item.object
    local is_record = object.type == helm_records.TYPE
    parts[i] = {
      store = item.store,
      record = is_record and stencil.json(helm_records.decode(object), mark),
      object = stencil.cut(is_record and value.merged(object, { data = {} }) or object, mark),
    }
  end
  return parts
end

local function all_words(names, drawn, first)
  local words = { table.unpack(names) }
  for i, pair in ipairs(drawn) do
    words[first + i] = pair[2](words)
  end
  return words
end

local function fill(parts, words)
  local list, records = {}, {}
  for i, part in ipairs(parts) do
    local object = stencil.fill(part.object, words)
    object.metadata = value.merged(object.metadata)
    list[i] = { store = part.store, object = object }
    if part.record then records[#records + 1] = { object = object, text = stencil.fill(part.record, words) } end
  end
  return list, records
end

local function pack(lab, copy, records)
  local texts = {}
  for i, record in ipairs(records) do
    texts[i] = record.text
  end
  local folder = fs.join(lab.dir, "cache", "records-" .. copy.name)
  for i, bytes in ipairs(texts[1] and helm_records.packed(folder, texts) or {}) do
    records[i].object.data = { release = crypto.base64(crypto.base64(bytes)) }
  end
end

-- A certificate is for the copy's own domain.
local function sign(lab, list)
  local by_name = {}
  for _, item in ipairs(list) do
    local meta = item.object.metadata
    if item.store == "/secrets" then by_name[meta.namespace .. "/" .. meta.name] = item.object end
  end
  for _, item in ipairs(list) do
    local meta, spec = item.object.metadata, item.object.spec
    local secret = item.store == CERTIFICATES and by_name[meta.namespace .. "/" .. spec.secretName]
    if secret then
      local pair = lab.certificate(("k8s-%s-%s"):format(meta.namespace, meta.name), spec.dnsNames)
      secret.data = { ["tls.crt"] = crypto.base64(pair.cert), ["tls.key"] = crypto.base64(pair.key) }
    end
  end
end

--- Copies the objects of a tenant.
---@param lab table
---@param plan { names: string[], copies: { name: string, words: string[] }[], has: fun(text: string): boolean } names:
---  the words of the tenant; words: those of a copy, in the same order
function M.run(lab, plan)
  local found = find(lab, plan.has)
  local drawn = drawn_words(lab, found)
  local words = { table.unpack(plan.names) }
  for i, pair in ipairs(drawn) do
    words[#plan.names + i] = pair[1]
  end
  local parts = cut(found, stencil.marker(words))
  task.each(plan.copies, function(copy)
    local list, records = fill(parts, all_words(copy.words, drawn, #plan.names))
    pack(lab, copy, records)
    sign(lab, list)
    lab.k8s.api.store:load(list)
  end, { limit = AT_ONCE })
end

return M
