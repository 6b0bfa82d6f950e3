--- GraphQL documents that only read. A document is read token by token and written anew, without its comments: what is
--- sent is what was understood here. Only the operation `query` is let through, and fragments.

local errors = require "o2x.base.error"

local M = {}

local LONGEST <const> = 64 * 1024 -- bytes
local DEEPEST <const> = 64 -- selections in each other

local function refuse(message, hint, kind)
  errors.raise {
    kind = kind or "input",
    module = "service",
    op = "query",
    message = "GraphQL: " .. message,
    hint = hint,
  }
end

local function line_of(text, at) return select(2, text:sub(1, at - 1):gsub("\n", "")) + 1 end

-- ---- tokens ----

-- A string on one line. Its escapes are the server's business: it ends where this one ends.
local function string_end(text, at)
  if text:sub(at, at + 2) == '"""' then
    refuse(("line %d: texts in triple quotes are not taken"):format(line_of(text, at)), "give the text by variables")
  end
  local from = at + 1
  while true do
    local stop = text:find('[\\"\r\n]', from)
    local sign = stop and text:sub(stop, stop)
    if sign == '"' then return stop + 1 end
    if sign ~= "\\" or not text:match('^\\["\\/bfnrtu]', stop) then
      refuse(("line %d: a text that does not end"):format(line_of(text, at)))
    end
    from = stop + 2
  end
end

local KINDS <const> = {
  { "name", "^[%a_][%w_]*()" },
  { "number", "^%-?%d[%w.+-]*()" },
  { "spread", "^%.%.%.()" },
  { "sign", "^[!$&():=@%[%]{|}]()" },
}

local function token_at(text, at)
  if text:sub(at, at) == '"' then return "string", string_end(text, at) end
  for _, kind in ipairs(KINDS) do
    local after = text:match(kind[2], at)
    if after then return kind[1], after end
  end
  refuse(("line %d: unexpected character %q"):format(line_of(text, at), text:sub(at, at)))
end

-- Comments end at either line end; other control characters have no place in a document.
local function tokens_of(text)
  local tokens, at = {}, 1
  while true do
    local skipped
    repeat
      skipped = at
      at = text:match("^[ \t\r\n,]+()", at) or text:match("^#[^\r\n]*()", at) or at
    until at == skipped
    if at > #text then return tokens end
    local kind, after = token_at(text, at)
    tokens[#tokens + 1] = { kind = kind, text = text:sub(at, after - 1), line = line_of(text, at) }
    at = after
  end
end

-- ---- definitions ----

local CLOSING <const> = { ["{"] = "}", ["("] = ")", ["["] = "]" }
local IS_CLOSING <const> = { ["}"] = true, [")"] = true, ["]"] = true }

-- The index after a definition: up to the end of its first selection that is in no parentheses.
local function skip_definition(tokens, from)
  local open = {}
  for i = from, #tokens do
    local token = tokens[i]
    if token.kind == "sign" and CLOSING[token.text] then
      if #open >= DEEPEST then refuse("nested too deep") end
      open[#open + 1] = token.text
    elseif token.kind == "sign" and IS_CLOSING[token.text] then
      if CLOSING[open[#open]] ~= token.text then refuse(("line %d: unexpected %s"):format(token.line, token.text)) end
      local closed = table.remove(open)
      if #open == 0 and closed == "{" then return i + 1 end
    end
  end
  refuse("the document ends too early")
end

local function check_definition(tokens, at, operations)
  local token = tokens[at]
  local word = token.kind == "name" and token.text
  if word == "query" then
    local following = tokens[at + 1]
    operations[#operations + 1] = following and following.kind == "name" and following.text or false
  elseif token.text == "{" and token.kind == "sign" then
    operations[#operations + 1] = false
  elseif word ~= "fragment" then
    refuse(
      ("line %d: a query only reads, but this is %s"):format(token.line, word or ("%q"):format(token.text)),
      word == "mutation" and "a mutation is an effect: service.ensure with create, or service.send" or nil,
      "refused"
    )
  end
  return skip_definition(tokens, at)
end

--- Checks that a document only reads.
---@param text any
---@param operation string? which of its operations is meant
---@return string document to send
function M.query(text, operation)
  if type(text) ~= "string" or #text > LONGEST then refuse("the query must be a text of at most 64 KB") end
  if
    not utf8.len(text)
    or text:find("[%z\1-\8\11\12\14-\31\127]")
    or text:find("\u{2028}")
    or text:find("\u{2029}")
  then
    refuse("the query has control characters or is not UTF-8")
  end
  local tokens, operations, at = tokens_of(text), {}, 1
  while tokens[at] do
    at = check_definition(tokens, at, operations)
  end
  local found = operation == nil and #operations == 1
  for _, name in ipairs(operations) do
    found = found or operation ~= nil and name == operation
  end
  if not found then
    refuse(
      operation and ("there is no operation %s"):format(tostring(operation))
        or ("%d operations, not one"):format(#operations),
      #operations > 1 and "operation = NAME says which one" or nil
    )
  end
  local words = {}
  for i, token in ipairs(tokens) do
    words[i] = token.text
  end
  return table.concat(words, " ")
end

return M
