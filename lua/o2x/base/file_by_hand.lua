--- The commands by which a person gives a file of the platform tree its text: a patch of what is there, or all of it.

local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local patch = require "o2x.base.patch"
local shell = require "o2x.base.shell"

local M = {}

local WIDTH <const> = 76 -- of a line of base64

local function line_count(text) return select(2, text:gsub("\n", "\n")) + 1 end

-- Base64 in lines.
local function coded(text) return (crypto.base64(text):gsub(("."):rep(WIDTH), "%0\n")) end

local function whole(path, text)
  local to = " > " .. shell.quote(path)
  if text == "" then return { ":" .. to } end
  if not shell.is_printable(text) then
    if shell.has_variable(text) then
      return { "# the command cannot be told: the text has characters that a page cannot show, and a variable" }
    end
    return {
      {
        comment = "the text has characters that a page cannot show",
        line = shell.heredoc("base64 -d" .. to, coded(text)),
      },
    }
  end
  if text:sub(-1) ~= "\n" then
    return { shell.heredoc("head -c -1" .. to, text) } -- without the last line break
  end
  return { shell.heredoc("cat" .. to, text) }
end

--- The commands.
---@param path string below the platform tree, where they run
---@param text string
---@param before string? nil: there is no such file
---@return (string|{ comment: string, line: string })[]
function M.lines(path, text, before)
  local lines = {}
  if before == nil then
    local folder = fs.folder(path)
    if folder ~= "." then lines[1] = shell.command { "mkdir", "-p", "--", folder } end
  elseif text ~= before then
    local diff, count = patch.unified(path, before, text)
    if count < line_count(text) and shell.is_printable(diff) then
      return { shell.heredoc(shell.command { "patch", "-u", "--", path }, diff) }
    end
  end
  return table.move(whole(path, text), 1, 2, #lines + 1, lines)
end

return M
