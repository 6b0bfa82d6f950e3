--- Which failures are worth another try. The only place that says so: a failure without a rule is not retried. The
--- clients ask `judge`, retry.lua and the gate act on the answer, docs/retries.md is made from the tables.

local clock = require "o2x.base.clock"

local M = {}

---@class o2x.retry_rule
---@field status string? pattern of the HTTP status
---@field code string? pattern of the system's own code: a SQLSTATE, the first word of Redis' error, a code of AWS …
---@field text string? pattern of the message
---@field uncertain boolean? only where what was sent last may have been carried out
---@field verdict "later"|"ask"|"reads"|"never" see VERDICTS
---@field means string what state the system is in
---@field hint string what people can do about it
---@field kind string? of the error; "unreachable" by default, "failed" for a rule that says never
---@field silent boolean? the system has not answered: perhaps its address is wrong

--- What each verdict means for a read and for a write.
M.VERDICTS = {
  later = { read = "again", write = "again: it was surely not carried out" },
  ask = { read = "again", write = "the gate first asks the system whether it was carried out" },
  reads = { read = "again", write = "no: what it did is unknown; o2x resume asks first" },
  never = { read = "no", write = "no" },
}

--- The systems, in the order of the document. rules: the module of its rules; like: the system whose rules follow.
M.SYSTEMS = {
  { name = "network", title = "No answer, by HTTP" },
  { name = "http", title = "Any server, by HTTP" },
  { name = "service", title = "Services of a tenant", like = "http" },
  { name = "broker", title = "ActiveMQ", like = "http" },
  { name = "vault", title = "Vault", like = "http" },
  { name = "kubernetes", title = "The Kubernetes API", like = "http" },
  { name = "helm", title = "helm" },
  { name = "postgresql", title = "PostgreSQL" },
  { name = "redis", title = "Redis" },
  { name = "dns", title = "DNS" },
  { name = "aws", title = "AWS", like = "http" },
}

local by_name = {}
for _, system in ipairs(M.SYSTEMS) do
  by_name[system.name] = system
end

--- The rules of a system, without those that it shares with another.
---@param name string
---@return o2x.retry_rule[]
function M.rules(name) return require("o2x.base.retry_rules." .. name) end

-- A rule matches where all that it names does.
local function matches(rule, mood)
  for _, part in ipairs { "status", "code", "text" } do
    local is = mood[part]
    if rule[part] and not (is ~= nil and tostring(is):find(rule[part])) then return false end
  end
  return not rule.uncertain or mood.uncertain == true
end

--- The first rule of a system that a failure matches.
---@param name string of the system
---@param mood { status: integer?, code: any, text: string?, uncertain: boolean? }
---@return o2x.retry_rule? rule
function M.find(name, mood)
  for _, rule in ipairs(M.rules(name)) do
    if matches(rule, mood) then return rule end
  end
  local like = by_name[name].like
  return like and M.find(like, mood) or nil
end

--- The fields of an error that follow from a rule.
---@param rule o2x.retry_rule
---@param is_read boolean
---@return { kind: string, retryable: boolean?, hint: string, answered: boolean }
function M.fields(rule, is_read)
  local fields = { hint = rule.hint, answered = not rule.silent }
  if rule.verdict == "ask" and not is_read then
    fields.kind = "unknown" -- the gate asks; retryable would mean that it was not carried out
  else
    fields.retryable = rule.verdict ~= "never" and (is_read or rule.verdict ~= "reads")
    fields.kind = rule.kind or fields.retryable and "unreachable" or "failed"
  end
  return fields
end

--- Judges a failure.
---@param name string of the system
---@param mood { status: integer?, code: any, text: string?, uncertain: boolean? }
---@param is_read boolean
---@return { kind: string, retryable: boolean?, hint: string, answered: boolean }? fields of the error; nil: no rule,
---  so no other try
---@return string? means
function M.judge(name, mood, is_read)
  local rule = M.find(name, mood)
  if not rule then return nil end
  return M.fields(rule, is_read), rule.means
end

--- The pause that a server asks for.
---@param headers table<string, string>? lower-case names
---@return number? seconds
function M.retry_after(headers)
  local text = headers and headers["retry-after"]
  local seconds = tonumber(text)
  if seconds or not text then return seconds end
  local at = clock.parse_http(text)
  return at and math.max(at - clock.now(), 0) or nil
end

return M
