---What a plain scalar means. The rules are those of the library by which Helm and kubectl read YAML 1.1
---(sigs.k8s.io/yaml): yes, no, on, off and their likes are booleans, 0777 is octal, 1_000 and 1e3 are numbers; there
---are no base-60 numbers, and dates stay strings. The words are listed here, numbers are read by host/yaml_scalar.c.

local core = require "o2x.core.yaml"
local json = require "o2x.base.json"

local M = {}

---The words that are not texts, with their values. None has more than 8 bytes (host/yaml_scalar.h).
---@type table<string, any>
M.WORDS = { [""] = json.null }

for value, list in pairs {
  [true] = "y Y yes Yes YES true True TRUE on On ON",
  [false] = "n N no No NO false False FALSE off Off OFF",
  [json.null] = "~ null Null NULL",
  [math.huge] = ".inf .Inf .INF +.inf +.Inf +.INF",
  [-math.huge] = "-.inf -.Inf -.INF",
} do
  for word in list:gmatch "%S+" do
    M.WORDS[word] = value
  end
end
for word in (".nan .NaN .NAN"):gmatch "%S+" do
  M.WORDS[word] = 0 / 0
end

--- The value of a plain scalar, typed as Helm types it.
---@param text string
---@return any value nil for null
---@return string kind "string", "null", "bool", "int", "float", or "range": an integer beyond 64 bits, whose value is
---  the nearest float, or the text itself if Helm takes it for one
function M.resolve(text)
  local value, kind = core.resolve(text, M.WORDS)
  if kind == "null" then return nil, kind end
  return value, kind
end

---Would an unquoted string be read as another type: by Helm, or by a parser that knows dates, base-60 numbers or the
---keys `<<` and `=`?
---@param text string
---@return boolean
function M.ambiguous(text) return core.ambiguous(text, M.WORDS) end

return M
