--- What the actions of a Go template call: {{ … }}. Text, comments, fields (.Values.now) and strings call nothing. A
--- chart whose templates call nothing but what is listed here renders to the same objects each time.

local M = {}

local function set(words)
  local names = {}
  for name in words:gmatch "%S+" do
    names[name] = true
  end
  return names
end

-- Keywords, and functions whose results depend on nothing but their arguments. Of helm's functions, these are left out:
-- lookup and getHostByName ask others; rand…, gen…, shuffle, uuidv4, bcrypt, htpasswd and encryptAES are random; all
-- that know a time use the clock when they get none. A function that nobody knows is taken for one of these.
local PURE <const> = set [[
  if else end range with define template block break continue nil true false include required fail
  and or not eq ne lt le gt ge len index slice print printf println html js urlquery call
  abbrev abbrevboth trunc trim upper lower title untitle substr repeat trimall trimAll trimSuffix trimPrefix nospace
  initials swapcase snakecase camelcase kebabcase wrap wrapWith contains hasPrefix hasSuffix quote squote cat indent
  nindent replace plural sha1sum sha256sum sha512sum adler32sum toString atoi int64 int float64 seq toDecimal split
  splitList splitn toStrings until untilStep add1 add sub div mod mul add1f addf subf divf mulf biggest max min maxf
  minf ceil floor round join sortAlpha default empty coalesce all any compact mustCompact fromJson toJson toPrettyJson
  toRawJson mustFromJson mustToJson mustToPrettyJson mustToRawJson ternary deepCopy mustDeepCopy typeOf typeIs
  typeIsLike kindOf kindIs deepEqual base dir clean ext isAbs osBase osClean osDir osExt osIsAbs b64enc b64dec b32enc
  b32dec tuple list dict get set unset hasKey pluck pick omit merge mergeOverwrite mustMerge mustMergeOverwrite append
  mustAppend prepend mustPrepend first mustFirst rest mustRest last mustLast initial mustInitial reverse mustReverse
  uniq mustUniq without mustWithout has mustHas mustSlice concat dig chunk mustChunk derivePassword buildCustomCert
  decryptAES semver semverCompare regexMatch mustRegexMatch regexFindAll mustRegexFindAll regexFind mustRegexFind
  regexReplaceAll mustRegexReplaceAll regexReplaceAllLiteral mustRegexReplaceAllLiteral regexSplit mustRegexSplit
  regexQuoteMeta urlParse urlJoin duration toToml fromToml toYaml toYamlPretty mustToYaml mustToToml fromYaml
  fromYamlArray fromJsonArray
]]

local CLOCK <const> = set [[
  ago date date_in_zone date_modify dateInZone dateModify durationRound htmlDate htmlDateInZone must_date_modify
  mustDateModify mustToDate now toDate unixEpoch
]]

-- The keys and the values of a map come in any order. What counts is who takes them.
local UNORDERED <const> = set "keys values"
local ORDER_DOES_NOT_MATTER <const> = set "sortAlpha len has mustHas empty"
local KEEPS_ALL <const> = set "uniq mustUniq concat compact mustCompact without mustWithout append mustAppend toStrings"

-- ---- tokens ----

local SPACE <const> = "^[ \t\r\n]+()"
-- What a token looks like → what it is; the first match counts.
local TOKENS <const> = {
  { "^[%a_][%w_]*()", "name" },
  { "^%.[%a_][%w_]*()", "field" },
  { "^%$[%w_]*()", "variable" },
  { "^`[^`]*`()", "string" },
  { "^[+-]?%d[%w_.]*()", "number" },
  { "^:=()", "sign" },
  { "^[=|(),.]()", "sign" },
}

-- The end of "…" or '…', escapes counted.
local function quoted(text, at)
  local quote = text:sub(at, at)
  local pos = at + 1
  while true do
    local found = text:find("[\\\n" .. quote .. "]", pos)
    local sign = found and text:sub(found, found)
    if sign == quote then return found + 1 end
    if sign ~= "\\" then return nil end
    pos = found + 2
  end
end

local function next_token(text, at)
  if text:find("^[\"']", at) then
    local past = quoted(text, at)
    return past and { kind = "string", text = text:sub(at, past - 1) }, past
  end
  for _, one in ipairs(TOKENS) do
    local past = text:match(one[1], at)
    if past then return { kind = one[2], text = text:sub(at, past - 1) }, past end
  end
end

-- The tokens of one action, and the place past its "}}"; nil if this is no action that can be read.
local function action(text, at)
  local tokens = {}
  at = text:match("^%-[ \t\r\n]()", at) or at
  while true do
    at = text:match(SPACE, at) or at
    local past = text:match("^%-?}}()", at)
    if past then return tokens, past end
    local token
    token, past = next_token(text, at)
    if not token then return nil end
    tokens[#tokens + 1], at = token, past
  end
end

-- Calls visit with the tokens of each action; false if one cannot be read.
local function each_action(text, visit)
  local at = 1
  while true do
    local _, open = text:find("{{", at, true)
    if not open then return true end
    local past_comment = text:match("^%-?[ \t\r\n]*/%*.-%*/[ \t\r\n]*%-?}}()", open + 1)
    if past_comment then
      at = past_comment
    else
      local tokens, past = action(text, open + 1)
      if not tokens then return false end
      visit(tokens)
      at = past
    end
  end
end

-- ---- who takes a result ----

local function is_sign(token, text) return token ~= nil and token.kind == "sign" and token.text == text end

-- The place of the function that takes what the function at i gives: behind a pipe, or before the brackets.
local function taker(tokens, i)
  local depth, j = 0, i + 1
  while tokens[j] and not (depth == 0 and (is_sign(tokens[j], "|") or is_sign(tokens[j], ")"))) do
    depth = depth + (is_sign(tokens[j], "(") and 1 or is_sign(tokens[j], ")") and -1 or 0)
    j = j + 1
  end
  if is_sign(tokens[j], "|") then return j + 1 end
  if not tokens[j] then return nil end
  if is_sign(tokens[j + 1], "|") then
    local alone = is_sign(tokens[i - 1], "(") and (i == 2 or tokens[i - 2].kind ~= "name")
    if alone then return j + 2 end
  end
  -- Back to the name that the brackets are an argument of.
  depth, j = 0, i - 1
  while tokens[j] and not (depth == 0 and is_sign(tokens[j], "(")) do
    depth = depth + (is_sign(tokens[j], ")") and 1 or is_sign(tokens[j], "(") and -1 or 0)
    j = j - 1
  end
  j, depth = j - 1, 0
  while tokens[j] and not (depth == 0 and (is_sign(tokens[j], "(") or is_sign(tokens[j], "|"))) do
    if depth == 0 and tokens[j].kind == "name" then return j end
    depth = depth + (is_sign(tokens[j], ")") and 1 or is_sign(tokens[j], "(") and -1 or 0)
    j = j - 1
  end
end

local function order_matters(tokens, i)
  local at = taker(tokens, i)
  local name = at and tokens[at] and tokens[at].kind == "name" and tokens[at].text
  if not name then return true end
  if ORDER_DOES_NOT_MATTER[name] then return false end
  return not KEEPS_ALL[name] or order_matters(tokens, at)
end

-- ---- what is asked of the context ----

-- The parts of .Release that are the same for an install, an upgrade and each revision.
local SAME_PARTS <const> = set ".Name .Namespace .Service"
-- What writes out all that it gets, or hands it on as one value: toYaml . at the top of a template.
local WHOLE <const> = set [[
  toYaml toYamlPretty mustToYaml toJson mustToJson toPrettyJson mustToPrettyJson toRawJson mustToRawJson toToml
  mustToToml toString print println printf deepCopy mustDeepCopy omit merge mustMerge mergeOverwrite mustMergeOverwrite
]]
-- Inside of these, "." is something else than the context.
local OTHER_DOT <const> = set "with range"
local BLOCKS <const> = set "if with range define block"

-- Is the context written out as a whole by the token at i? Fields ("$.Values") follow as tokens of their own.
local function is_whole_context(tokens, i, other_dot)
  local token, after = tokens[i], tokens[i + 1]
  local alone = token.text == "$" or is_sign(token, ".") and not other_dot
  if not alone or after and after.kind == "field" then return false end
  local j = i - 1
  while tokens[j] and tokens[j].kind ~= "name" and not is_sign(tokens[j], "(") and not is_sign(tokens[j], "|") do
    j = j - 1
  end
  local by = tokens[j] and tokens[j].kind == "name" and tokens[j]
  if not by and is_sign(after, "|") then by = tokens[i + 2] end
  return by and WHOLE[by.text] or false
end

-- Follows the blocks that a template opens and closes; true while "." is something else than the context.
local function follow_blocks(open, tokens)
  local word = tokens[1] and tokens[1].kind == "name" and tokens[1].text
  if word == "end" then open[#open] = nil end
  -- What follows the else of a with has the dot from outside of it.
  if word == "else" and OTHER_DOT[open[#open]] then open[#open] = tokens[2] and tokens[2].text or "if" end
  local other = false
  for _, one in ipairs(open) do
    other = other or OTHER_DOT[one] == true
  end
  if BLOCKS[word] then open[#open + 1] = word end
  return other
end

-- ---- the whole ----

---@class o2x.helm.calls what the actions of a text do
---@field volatile boolean calls a function whose result may be another one each time
---@field clock boolean calls one that knows the time
---@field tpl boolean renders a text as a template
---@field operation boolean asks for more of the release than its name: whether it is an upgrade, its revision
---@field revision boolean asks for its revision
---@field cluster boolean asks what the cluster can do
---@field strings string[] the strings in its actions, as they are written

-- A name behind brackets or a variable is a field of what they give: ($x).now; and the printed address of a value is
-- another one in each process.
local function note(calls, tokens, i, other_dot)
  local token = tokens[i]
  if token.kind == "string" then
    calls.strings[#calls.strings + 1] = token.text
    if token.text:find "%%[-+# 0]*%d*p" then calls.volatile = true end
    if token.text:find "Release" then calls.operation = true end
    if token.text:find "Capabilities" then calls.cluster = true end
  elseif token.text == ".Release" then
    local part = tokens[i + 1]
    if not (part and part.kind == "field" and SAME_PARTS[part.text]) then calls.operation = true end
    if part and part.text == ".Revision" then calls.revision = true end
  elseif token.text == ".Capabilities" then
    calls.cluster = true
  elseif is_whole_context(tokens, i, other_dot) then
    calls.operation, calls.cluster = true, true
  elseif token.kind == "name" then
    local name = token.text
    if name == "tpl" then
      calls.tpl = true
    elseif UNORDERED[name] then
      calls.volatile = calls.volatile or order_matters(tokens, i)
    elseif not PURE[name] then
      calls.volatile = true
      calls.clock = calls.clock or CLOCK[name] == true
    end
  end
end

local function read(text)
  local calls = { volatile = false, clock = false, tpl = false, strings = {} }
  calls.operation, calls.revision, calls.cluster = false, false, false
  local open = {}
  local whole = each_action(text, function(tokens)
    local other_dot = follow_blocks(open, tokens)
    for i = 1, #tokens do
      note(calls, tokens, i, other_dot)
    end
  end)
  if not whole then
    calls.volatile, calls.operation, calls.cluster = true, true, true
  end
  return calls
end

-- text → what it calls. The charts of a platform have most of their templates in common.
local known = {}

--- Reads what a template calls. A text that is no template is taken for one that may do anything.
---@param text string
---@return o2x.helm.calls calls not to be changed
function M.read(text)
  known[text] = known[text] or read(text)
  return known[text]
end

--- Would a text, rendered as a template, give the same each time? Brackets that are written as escapes hide one.
---@param text string
---@return boolean
function M.is_stable(text)
  if not text:find("{{", 1, true) then return not text:lower():find "\\[xu]0*7b" end
  return not M.read(text).volatile
end

return M
