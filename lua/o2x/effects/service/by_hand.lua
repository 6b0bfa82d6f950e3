--- Requests to services as commands, for people: by curl, or by kubectl through the API server's proxy, as o2x sends
--- them.

local kubectl = require "o2x.effects.k8s.commands"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

-- What kubectl's --raw does by method.
local RAW <const> = { GET = "get", POST = "create", PUT = "replace", DELETE = "delete" }

--- The name of a variable for a thing.
---@param text string
---@return string
function M.name(text) return (text:upper():gsub("[^%u%d]+", "_"):gsub("^_+", ""):gsub("_+$", "")) end

-- A header that has a variable is written to a file of its own, so that its value stands in no command line.
local function header_words(ctx, request)
  local words, headers = {}, {}
  for name, item in pairs(request.headers or {}) do
    headers[name] = ctx:filled(item)
  end
  if request.session then headers.authorization = "Bearer " .. request.session.by_hand() end
  for _, name in ipairs(sorted_keys(headers)) do
    local line = ("%s: %s"):format(name, headers[name])
    words[#words + 1] = shell.has_variable(line) and ("-H @<(printf '%%s\\n' %s)"):format(shell.quote(line))
      or shell.command { "-H", line }
  end
  return words
end

local function curl(ctx, request, program, url)
  local https, parts = ctx.config.https or {}, { program }
  if request.method ~= "GET" then parts[2] = "-X " .. request.method end
  for _, word in ipairs(header_words(ctx, request)) do
    parts[#parts + 1] = word
  end
  if request.json ~= nil then parts[#parts + 1] = "-H 'Content-Type: application/json' -d @-" end
  if request.url and https.connect_to then
    parts[#parts + 1] = shell.command { "--connect-to", "::" .. https.connect_to }
  end
  if request.url and https.ca then parts[#parts + 1] = shell.command { "--cacert", https.ca } end
  if url then parts[#parts + 1] = shell.quote(url) end
  return table.concat(parts, " ")
end

-- curl with the credentials that kubectl has: a path of the API server, then curl's own words.
local KUBE_CURL <const> = [[
coproc PROXY { exec kubectl proxy --port=0; }
  local line status=0
  read -r line <&"${PROXY[0]}"
  curl -fsS "${@:2}" "http://${line##* }$1" || status=$?
  kill "$PROXY_PID"
  return $status]]

-- kubectl's --raw sends no headers.
local function through_cluster(ctx, request)
  local raw = kubectl.raw(ctx:client("k8s").namespace, request.service, request.port, request.path)
  if next(request.headers or {}) or not RAW[request.method] then
    return curl(ctx, request, ctx:function_by_hand("kube_curl", KUBE_CURL) .. " " .. shell.quote(raw))
  end
  local line = shell.command { "kubectl", RAW[request.method], "--raw", raw }
  local has_body = request.method == "POST" or request.method == "PUT"
  return has_body and line .. " -f -" or line
end

--- The command that sends a request and prints the answer.
---@param ctx table
---@param request o2x.service.request
---@param after string? what the answer is piped to
---@return string lines
function M.command(ctx, request, after)
  local line = request.url and curl(ctx, request, "curl -fsS", request.url) or through_cluster(ctx, request)
  local body = request.json
  if body == nil and request.method == "POST" and request.service then body = {} end
  if body ~= nil then return shell.with_json(ctx:filled(body), line, after) end
  return after and line .. " | " .. after or line
end

--- The program of jq that takes the value at a path of an answer: "data.getBills.1.id".
---@param path string
---@return string
function M.filter(path)
  local parts = {}
  for part in path:gmatch "[^.]+" do
    local number = math.tointeger(part)
    parts[#parts + 1] = number and ("[%d]"):format(number - 1) or ('."%s"'):format(part:gsub('[\\"]', "\\%0"))
  end
  return table.concat(parts) .. " // empty"
end

--- The command that looks for an object and makes it if it is not there; a variable of its name gets its id.
---@param ctx table
---@param target { name: string, find: table, found: string, create: table? }
---@return string[] lines
function M.object(ctx, target)
  local name = M.name(target.name)
  local find = "find_" .. name:lower()
  local filter = shell.command { "jq", "-r", M.filter(target.found) }
  local lines = { ("%s() {\n%s\n}"):format(find, M.command(ctx, target.find, filter)) }
  lines[2] = ("%s=$(%s)"):format(name, find)
  if target.create then
    local create = M.command(ctx, target.create, "jq -e 'has(\"errors\") | not'")
    lines[3] = ('if [ -z "$%s" ]; then\n%s\n%s=$(%s)\nfi'):format(name, create, name, find)
  end
  lines[#lines + 1] = ("export %s=${%s:?}"):format(name, name)
  return lines
end

--- The command of a request whose answer has a value at a path.
---@param ctx table
---@param request o2x.service.request
---@param path string
---@return string lines
function M.picked(ctx, request, path) return M.command(ctx, request, shell.command { "jq", "-er", M.filter(path) }) end

return M
