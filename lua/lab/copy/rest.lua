--- Copies what is the tenant's in the other systems: secrets in Vault, records, queues, what its services keep, keys of
--- Redis, and files of the platform's tree and of the secrets.

local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local redis = require "lab.redis"
local stencil = require "lab.stencil"
local zones = require "lab.dns_zones"

local M = {}

-- Items of a table under the tenant's names, for each copy under its own.
local function copy_items(items, plan)
  local mine = {}
  for key, item in pairs(items) do
    if plan.has(key) then mine[key] = item end
  end
  local part = stencil.cut(mine, plan.mark)
  for _, copy in ipairs(next(mine) and plan.copies or {}) do
    for key, item in pairs(stencil.fill(part, copy.words)) do
      items[key] = item
    end
  end
end

local function copy_vault(lab, plan)
  for _, mount in pairs(lab.state("vault").mounts or {}) do
    copy_items(mount.store.secrets, plan)
  end
end

local function copy_records(lab, plan)
  local store = zones.open(lab)
  store:settle()
  for _, zone in ipairs(store:list()) do
    local mine, new = {}, {}
    for _, record in ipairs(zone.records) do
      if plan.has(record.name) then mine[#mine + 1] = record end
    end
    local part = stencil.cut(mine, plan.mark)
    for _, copy in ipairs(mine[1] and plan.copies or {}) do
      local records = stencil.fill(part, copy.words)
      table.move(records, 1, #records, #new + 1, new)
    end
    if new[1] then store:load(zone, new) end
  end
end

local function copy_queues(lab, plan)
  local queues, mine = lab.state("broker").queues or {}, {}
  for _, queue in ipairs(queues) do
    if plan.has(queue.name) then mine[#mine + 1] = queue end
  end
  local part = stencil.cut(mine, plan.mark)
  for _, copy in ipairs(mine[1] and plan.copies or {}) do
    local list = stencil.fill(part, copy.words)
    table.move(list, 1, #list, #queues + 1, queues)
  end
end

-- A service's own key signs its tokens.
local function copy_services(lab, plan)
  local all = lab.state "services"
  copy_items(all, plan)
  for _, copy in ipairs(plan.copies) do
    local own = all[copy.name]
    if own and own.token_key then own.token_key = crypto.hex(crypto.random(32)) end
  end
end

local function copy_keys(lab, plan)
  local client <close> = redis.client(lab)
  for _, key in ipairs(client:command("KEYS", "*")) do
    for _, copy in ipairs(plan.has(key) and plan.copies or {}) do
      client:command("COPY", key, plan.replace(copy, key))
    end
  end
end

-- ---- files ----

-- The section of a shared document whose heading names the tenant; nil if there is none.
local function section_of(text, plan)
  for start, heading in text:gmatch "()(## [^\n]*)\n" do
    if plan.has(heading) and (start == 1 or text:sub(start - 1, start - 1) == "\n") then
      local stop = text:find("\n## ", start, true)
      return (text:sub(start, stop or #text):gsub("%s+$", ""))
    end
  end
end

local function add_sections(path, plan)
  local text = fs.read(path)
  local section = section_of(text, plan)
  if not section then return end
  local part, parts = stencil.cut(section, plan.mark), { (text:gsub("%s+$", "")) }
  for i, copy in ipairs(plan.copies) do
    parts[i + 1] = stencil.fill(part, copy.words)
  end
  fs.write(path, table.concat(parts, "\n\n") .. "\n", { durable = false })
end

local MODE <const> = 0xfff -- permission bits

local function copy_folder(root, plan)
  for _, path in ipairs(fs.is_folder(root) and fs.walk(root) or {}) do
    local full = fs.join(root, path)
    local found = fs.stat(full)
    if found and found.type == "file" and plan.has(path) then
      local part = stencil.cut(fs.read(full), plan.mark)
      for _, copy in ipairs(plan.copies) do
        local options = { mode = found.mode & MODE, parents = true, durable = false }
        fs.write(fs.join(root, plan.replace(copy, path)), stencil.fill(part, copy.words), options)
      end
    elseif found and found.type == "file" and path:find "%.md$" then
      add_sections(full, plan)
    end
  end
end

--- Copies files.
---@param lab table
---@param plan table of lab.copy
function M.files(lab, plan)
  copy_folder(fs.join(lab.dir, "platform"), plan)
  copy_folder(fs.join(lab.dir, "secrets"), plan)
end

--- Copies what is in the simulators' memory, and in Redis.
---@param lab table
---@param plan table of lab.copy
function M.states(lab, plan)
  copy_vault(lab, plan)
  copy_records(lab, plan)
  copy_queues(lab, plan)
  copy_services(lab, plan)
  copy_keys(lab, plan)
  lab.save()
end

return M
