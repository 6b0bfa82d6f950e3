--- The configuration of one script: the file NAME.sql.conf beside it, in the form of Java's properties as Flyway reads
--- them (a backslash only continues a line).

local errors = require "o2x.base.error"

local M = {}

local BOOLEANS = { executeInTransaction = "transaction", placeholderReplacement = "replace" }

-- Joins lines that end in a backslash with the next, which must not be blank.
local function logical_lines(text)
  local lines, joined = {}, nil
  local physical = {}
  for line in (text:gsub("\r\n?", "\n") .. "\n"):gmatch "([^\n]*)\n" do
    physical[#physical + 1] = line
  end
  for i, raw in ipairs(physical) do
    local line, number = raw:match "^%s*(.-)%s*$", i
    local comment = not joined and line:find "^[#!]"
    local continues = not comment and line:find "\\$" and (physical[i + 1] or "") ~= ""
    if continues then line = line:sub(1, -2) end
    if joined then
      line, number = joined.text .. line, joined.number
    end
    joined = continues and { text = line, number = number } or nil
    if not joined and not comment and line ~= "" then lines[#lines + 1] = { text = line, number = number } end
  end
  return lines
end

local function refuse(where, line, message, hint)
  errors.raise {
    kind = "input",
    module = "flyway",
    message = message,
    hint = hint,
    where = ("%s:%d"):format(where, line),
  }
end

local function boolean(where, line, key, text)
  local word = text:lower()
  if word == "true" or word == "false" then return word == "true" end
  refuse(where, line, ("%s must be true or false, not '%s'"):format(key, text))
end

---@class o2x.flyway.conf
---@field transaction boolean? may the script run in a transaction? nil: its statements decide
---@field replace boolean? are its placeholders replaced? nil: yes
---@field encoding string? of its text; nil: UTF-8

--- Reads a script's configuration.
---@param text string
---@param where string the file, for messages
---@return o2x.flyway.conf
function M.parse(text, where)
  local conf = {}
  local length, bad = utf8.len(text)
  if not length then
    local line = 1 + select(2, text:sub(1, bad):gsub("\n", ""))
    refuse(where, line, ("is not UTF-8: byte 0x%02X"):format(text:byte(bad)), "save the file as UTF-8")
  end
  for _, line in ipairs(logical_lines((text:gsub("^\xEF\xBB\xBF", "")))) do
    local key, value = line.text:match "^([^%s=:]*)%s*[=:]?%s*(.*)$"
    if value:find("${", 1, true) then
      refuse(where, line.number, "a placeholder is not supported here", "write the value itself")
    end
    if BOOLEANS[key] then
      conf[BOOLEANS[key]] = boolean(where, line.number, key, value)
    elseif key == "encoding" then
      conf.encoding = value
    elseif key == "shouldExecute" then
      refuse(
        where,
        line.number,
        "shouldExecute is not supported (nor by Flyway's free edition)",
        "remove the line, or migrate with the edition of Flyway that has it"
      )
    else
      local known = "executeInTransaction, placeholderReplacement and encoding are known"
      refuse(where, line.number, ("unknown key '%s'"):format(key), known)
    end
  end
  return conf
end

return M
