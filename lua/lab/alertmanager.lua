--- Alertmanager's silences (API v2), behind the Service alertmanager-operated.

local clock = require "o2x.base.clock"
local json = require "o2x.base.json"
local uuid = require "lab.uuid"

local M = {}

local JSON <const> = { ["Content-Type"] = "application/json" }

local function answer(status, value) return status, JSON, json.encode(value) end

local function state_of(silence, now)
  if clock.parse(silence.endsAt) <= now then return "expired" end
  return clock.parse(silence.startsAt) > now and "pending" or "active"
end

local function with_status(silence, now)
  local copy = { status = { state = state_of(silence, now) } }
  for name, value in pairs(silence) do
    copy[name] = value
  end
  return copy
end

local function list(state, now)
  local found = json.array {}
  for _, silence in ipairs(state.silences) do
    found[#found + 1] = with_status(silence, now)
  end
  return answer(200, found)
end

local function find(state, id)
  for i, silence in ipairs(state.silences) do
    if silence.id == id then return silence, i end
  end
end

local function problem_of(given)
  if type(given) ~= "table" then return "invalid JSON" end
  if type(given.matchers) ~= "table" or #given.matchers == 0 then return "silence must contain at least one matcher" end
  for _, field in ipairs { "startsAt", "endsAt", "createdBy", "comment" } do
    if type(given[field]) ~= "string" then return field .. " in body is required" end
  end
  local ok, starts, ends = pcall(function() return clock.parse(given.startsAt), clock.parse(given.endsAt) end)
  if not ok then return "invalid time" end
  if ends <= starts then return "Failed to create silence: start time must be before end time" end
end

-- An active silence is replaced under its id, an expired one is created again under a new id.
local function post(state, now, body)
  local ok, given = pcall(json.decode, body or "")
  local problem = problem_of(ok and given or nil)
  if problem then return answer(400, problem) end
  local current, at = find(state, given.id)
  if given.id and not current then return answer(404, "silence not found") end
  if current and state_of(current, now) == "expired" then at = nil end
  local silence = {
    id = at and current.id or uuid(),
    matchers = given.matchers,
    startsAt = given.startsAt,
    endsAt = given.endsAt,
    createdBy = given.createdBy,
    comment = given.comment,
    updatedAt = clock.iso(now, 3),
  }
  state.silences[at or #state.silences + 1] = silence
  return answer(200, { silenceID = silence.id })
end

local function delete(state, now, id)
  local silence = find(state, id)
  if not silence then return answer(404, ("silence %s not found"):format(id)) end
  if state_of(silence, now) == "expired" then return answer(500, ("silence %s already expired"):format(id)) end
  silence.endsAt, silence.updatedAt = clock.iso(now, 3), clock.iso(now, 3)
  return 200, nil, ""
end

--- Handles a request.
---@param lab table
---@param req httpd.request
---@return integer status
---@return table? headers
---@return string body
function M.handle(lab, req)
  local state, now = lab.state("alertmanager"), lab.clock()
  state.silences = json.array(state.silences or {})
  local id = req.path:match("^/api/v2/silence/([%x-]+)$")
  if req.path == "/api/v2/silences" and req.method == "GET" then return list(state, now) end
  local status, headers, body = answer(404, "not found")
  if req.path == "/api/v2/silences" and req.method == "POST" then
    status, headers, body = post(state, now, req.body)
  elseif id and req.method == "GET" then
    local silence = find(state, id)
    if silence then
      status, headers, body = answer(200, with_status(silence, now))
    end
  elseif id and req.method == "DELETE" then
    status, headers, body = delete(state, now, id)
  elseif req.path == "/-/healthy" then
    status, headers, body = 200, nil, "OK"
  end
  lab.save("alertmanager")
  return status, headers, body
end

return M
