-- What Vault 1.21 answered to the vault command and to raw requests, played against the lab's simulator.
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local vault = require "lab.vault"

-- Differ from server to server and from run to run.
local VOLATILE <const> = {
  request_id = true,
  created_time = true,
  updated_time = true,
  accessor = true,
  uuid = true,
  client_id = true,
  cluster_name = true,
  cluster_id = true,
  keys = true,
  keys_base64 = true,
  root_token = true,
  role_id = true,
  secret_id = true,
  secret_id_accessor = true,
  client_token = true,
  entity_id = true,
  id = true,
  creation_time = true,
  expire_time = true,
  issue_time = true,
  ttl = true,
  token = true,
  wrapped_accessor = true,
  server_time_utc = true,
  running_sha256 = true,
  description = true,
}

local function exchanges()
  local list = {}
  for line in fs.read "tests/support/recorded/vault.jsonl":gmatch "[^\n]+" do
    list[#list + 1] = json.decode(line)
  end
  return list
end

local function is_time(value) return type(value) == "string" and value:find "^%d+%-%d+%-%d+T" ~= nil end

-- Paths at which two answers differ.
local function differences(recorded, ours, path, found)
  found = found or {}
  if type(recorded) ~= "table" or type(ours) ~= "table" then
    if recorded ~= ours and not (is_time(recorded) and is_time(ours)) then
      found[#found + 1] = ("%s: %s, ours %s"):format(path, tostring(recorded), tostring(ours))
    end
    return found
  end
  for name, value in pairs(recorded) do
    if VOLATILE[name] then
      if ours[name] == nil then found[#found + 1] = path .. "." .. name .. " is missing" end
    else
      differences(value, ours[name], path .. "." .. name, found)
    end
  end
  for name in pairs(ours) do
    if recorded[name] == nil then found[#found + 1] = path .. "." .. name .. " is ours alone" end
  end
  return found
end

-- The recorder masked what is secret and ids differ: what our server gave instead is put in its place.
local function new_player()
  local state, given = { initialised = false, sealed = true }, {}
  local player = { token = nil }

  local function learn(recorded, ours)
    if type(ours) ~= "table" then return end
    for name, value in pairs(recorded) do
      if type(value) == "table" then
        learn(value, ours[name])
      elseif type(value) == "string" and (name == "role_id" or name == "secret_id") then
        given[value] = ours[name]
      end
    end
  end

  function player.play(exchange)
    local body = exchange.body:gsub("[%x]+%-[%x]+%-[%x]+%-[%x]+%-[%x]+", given)
    body = body:gsub('"key":"EXAMPLE"', ('"key":"%s"'):format(state.key or ""))
    body = body:gsub("hvs%.EXAMPLE", player.body_token or "")
    local path, query_text = exchange.path:match "^([^?]*)%??(.*)$"
    local query = {}
    for name, value in query_text:gmatch "([^&=]+)=([^&]*)" do
      query[name] = value
    end
    local headers = { ["x-vault-token"] = player.token, ["x-vault-wrap-ttl"] = player.wrap }
    for name, value in pairs(exchange.headers) do
      headers[name:lower()] = value
    end
    local status, answer_headers, answer = vault.handle(
      state,
      { method = exchange.method, target = exchange.path, path = path, query = query, headers = headers, body = body },
      player.now
    )
    if exchange.answer:find "^{" and answer:find "^{" then learn(json.decode(exchange.answer), json.decode(answer)) end
    return status, answer_headers, answer
  end
  player.state, player.now = state, 1795412490
  return player
end

describe("the Vault simulator", function()
  it("answers every recorded exchange as Vault did", function()
    local player = new_player()
    local mark, count, tenant_token = "", 0, nil
    local on_mark = {
      ["unseal"] = function() player.token = player.state.root end,
      ["bad token, no token, bad path"] = function() player.token = "bad" end,
      ["policy and approle"] = function() player.token = player.state.root end,
      ["with the tenant's token: own path, another tenant's path (403)"] = function() player.token = tenant_token end,
      ["response wrapping"] = function()
        player.token, player.wrap = player.state.root, "60s"
      end,
      ["health in its states"] = function()
        player.token, player.wrap = player.state.root, nil
      end,
    }
    for _, exchange in ipairs(exchanges()) do
      if exchange.mark then
        mark = exchange.mark
        if on_mark[mark] then on_mark[mark]() end
      else
        if mark:find "^bad token" then
          local bad, none = exchange.path:find "internal", exchange.path:find "data/x"
          player.token = bad and "bad" or not none and player.state.root or nil
        end
        if exchange.path == "/v1/sys/capabilities-self" then player.body_token = tenant_token end
        if exchange.path:find "^/v1/sys/wrapping" then player.wrap = nil end
        local status, headers, answer = player.play(exchange)
        local where = ("%s: %s %s"):format(mark, exchange.method, exchange.path)
        assert.equal(exchange.status, status, where .. "\n" .. answer)
        if exchange.answer:find "^{" then
          assert.same({}, differences(json.decode(exchange.answer), json.decode(answer), ""), where)
          assert.equal(exchange.answer:find "\n$" ~= nil, answer:find "\n$" ~= nil, where)
        else
          assert.equal(exchange.answer, answer, where)
          assert.equal(exchange.answer_headers.Location, headers.Location, where)
        end
        local decoded = answer:find "^{" and json.decode(answer) or {}
        if type(decoded.wrap_info) == "table" then player.body_token = decoded.wrap_info.token end
        if exchange.path == "/v1/auth/approle/login" and status == 200 then tenant_token = decoded.auth.client_token end
        count = count + 1
      end
    end
    assert.is_true(count > 75)
  end)
end)
