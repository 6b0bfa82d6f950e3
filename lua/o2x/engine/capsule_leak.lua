--- The last look at a run before it is packed: is the text of a secret in what its journal says? What a script saw was
--- searched while the run had its secrets (base/leaks.lua, base/mask.lua). Now only their tags are left, and the key
--- of the run store, with which the tag of any text can be made. So each word of the journal is held against them.

local errors = require "o2x.base.error"
local journal = require "o2x.engine.journal"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"

local M = {}

local SHORTEST <const>, LONGEST <const> = 8, 4096 -- bytes of a word that can be a secret

local function note_tags(v, tags)
  if type(v) ~= "table" or v == json.null then return end
  if type(v["$secret"]) == "string" and type(v.fp) == "string" then tags[v.fp] = v["$secret"] end
  for _, item in next, v do
    note_tags(item, tags)
  end
end

-- The label of the secret that a word is.
local function label(look, word)
  if #word < SHORTEST or #word > LONGEST then return nil end
  local known = look.known[word]
  if known == nil then
    known = look.tags[secret.fingerprint(word)] or false
    look.known[word] = known
  end
  return known or nil
end

-- The label of a secret that a text is, or that is a word of it.
local function label_in(look, text)
  local found = label(look, text)
  if found or not text:find "[%s\"'=:,;@/&?(){}<>%[%]]" then return found end
  for word in text:gmatch "[^%s\"'=,;&?(){}<>%[%]]+" do
    found = label(look, word)
    if found then return found end
    for part in word:gmatch "[^:@/]+" do
      found = #part < #word and label(look, part)
      if found then return found end
    end
  end
end

local function search(look, v)
  if type(v) == "string" then return label_in(look, v) end
  if type(v) ~= "table" or v == json.null then return nil end
  for key, item in next, v do
    local is_tag = key == "fp" or key == "$secret" or key == "$cut"
    local found = not is_tag and (search(look, item) or type(key) == "string" and label_in(look, key))
    if found then return found end
  end
end

-- What the scripts know anyway is no secret: the tenant's files and the parameters.
local function known_texts(record, texts)
  if record.t == "begin" then
    for _, given in pairs(record.params or {}) do
      texts[#texts + 1] = given
    end
  elseif record.t == "world" then
    texts[#texts + 1] = json.encode(record.facts or {})
    for _, text in pairs(record.files or {}) do
      texts[#texts + 1] = type(text) == "string" and text or nil
    end
  end
end

-- What of a run is no secret, so that its words need not be held against the tags.
local function known_words(texts)
  local known = {}
  for _, text in ipairs(texts) do
    for word in text:gmatch "[^%s\"'=,;&?(){}<>%[%]]+" do
      known[word] = false
    end
  end
  return known
end

local function each(paths, fn)
  for i, path in ipairs(paths) do
    local state = journal.each(path, function(record) fn(record, i, path) end)
    state.reader:close()
  end
end

--- Looks for the text of a run's secrets in its journal.
---@param paths string[] of the journal, and of the run that it takes back
---@param sources table<string, string> what the scripts say themselves is no secret
---@return { answers: integer, over: boolean, world: boolean } found what the journal has for a replay
---@return { secret: string, record: table, path: string }? leak the first one, with the record that has it
---@return fun(text: string): string? in_text the label of a secret of the run that a text has
function M.look(paths, sources)
  local tags, texts, found = {}, {}, { answers = 0, over = false, world = false }
  for _, text in pairs(sources) do
    texts[#texts + 1] = text
  end
  each(paths, function(record, number)
    note_tags(record, tags)
    known_texts(record, texts)
    if number > 1 then return end
    found.world = found.world or record.t == "world"
    if record.t == "answer" then
      found.answers = found.answers + 1
      found.over = found.over or record.lost ~= nil
    end
  end)
  local look, leak = { tags = tags, known = known_words(texts) }, nil
  local function in_text(text) return next(tags) and label_in(look, text) end
  if next(tags) == nil then return found, nil, in_text end
  each(paths, function(record, _, path)
    local of = not leak and record.t ~= "begin" and search(look, record)
    leak = of and { secret = of, record = record, path = path } or leak
  end)
  return found, leak, in_text
end

--- Where in a run a secret was found: "the record of vault.read in step Deploy".
---@param record table
---@return string
function M.place(record)
  return ("the record of %s%s"):format(
    type(record.call) == "string" and record.call or record.t,
    type(record.path) == "string" and record.path ~= "" and " in step " .. record.path or ""
  )
end

--- Refuses a run whose journal has the text of one of its secrets.
---@param paths string[] as of look
---@param sources table<string, string>
---@return { answers: integer, over: boolean, world: boolean } what the journal has for a replay
---@return fun(text: string): string? in_text as of look
function M.check(paths, sources)
  local found, leak, in_text = M.look(paths, sources)
  if not leak then return found, in_text end
  errors.raise {
    kind = "refused",
    where = leak.path,
    message = ("the text of the secret %s is in %s: nothing was packed"):format(leak.secret, M.place(leak.record)),
    hint = "the system gave it before it was known to be a secret; change the secret, and run again",
  }
end

return M
