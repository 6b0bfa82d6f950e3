--- A list of pods of 2 MB, as an API server sends it, and the programs that read and write it.

local json = require "o2x.base.json"

local M = {}

local BYTES <const> = 2 << 20
local TIMES <const> = "20"

-- A pod with what they have most of.
local function pod(i)
  local name = ("tenant%d-service-usage-6d5f8c7b9-%05x"):format(i % 40, i)
  local labels = { app = "service-usage", tenant = "tenant" .. i % 40, ["pod-template-hash"] = "6d5f8c7b9" }
  local env = json.array {}
  for n = 1, 12 do
    env[n] = { name = "SETTING_" .. n, value = ("http://tenant%d-gateway-%d/a?b=c"):format(i % 40, n) }
  end
  local container = {
    name = "main",
    image = "registry.example.com/service-usage:v2.5.0",
    env = env,
    args = { "--text", 'say "hello"\n' },
    ports = { { containerPort = 8080, protocol = "TCP" } },
    resources = { limits = { cpu = "4", memory = "8Gi" }, requests = { cpu = "2", memory = "4Gi" } },
  }
  return {
    metadata = {
      name = name,
      namespace = "prod",
      labels = labels,
      annotations = { note = "überprüft", ["checksum/config"] = ("0123456789abcdef"):rep(4) },
      resourceVersion = tostring(1000000 + i),
      creationTimestamp = "2026-02-14T09:30:00Z",
    },
    spec = { containers = { container }, restartPolicy = "Always", terminationGracePeriodSeconds = 30 },
    status = {
      phase = "Running",
      podIP = ("10.0.%d.%d"):format(i // 250, i % 250),
      containerStatuses = { { name = "main", ready = true, restartCount = i % 3, started = true } },
      conditions = { { type = "Ready", status = "True", lastProbeTime = json.null } },
    },
  }
end

--- Writes the list.
---@param folder string
---@return table state
function M.write(folder)
  local items, bytes = json.array {}, 0
  while bytes < BYTES do
    items[#items + 1] = pod(#items)
    bytes = bytes + #json.encode(items[#items])
  end
  local path = folder .. "/pods.json"
  local file = assert(io.open(path, "w"))
  file:write(json.encode { apiVersion = "v1", kind = "PodList", items = items })
  file:close()
  return { path = path, bytes = bytes }
end

--- The programs.
---@param state table
---@param mode string decode or encode
---@return table[] contenders
function M.contenders(state, mode)
  local function check(result)
    local written = tonumber(result.stdout:match "bytes: (%d+)")
    -- The floor leaves out what is null.
    assert(mode == "decode" or written > 0.95 * state.bytes * tonumber(TIMES), "not all was written")
  end
  local list = {
    { name = "floor: C with cJSON", argv = { "build/bench/json", mode, state.path, TIMES } },
    { name = "o2x", argv = { "build/o2x-dev", "bench/json/o2x.lua", mode, state.path, TIMES } },
    {
      name = "Python's json",
      argv = { "python3", "bench/json/peer.py", mode, state.path, TIMES },
      missing = "apt-get install python3",
    },
  }
  for _, contender in ipairs(list) do
    contender.check = check
  end
  return list
end

return M
