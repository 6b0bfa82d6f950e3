-- Secrets on their way out: a script that has pieced one together shows it in every form and place, and secrets that
-- are also names of the run.

local WORD <const> = "open-sesame/'1'"
local SECRETS <const> = "cave:\n  word: \"open-sesame/'1'\"\n"

-- A script cannot contain a secret, or it is refused.
local TOP <const> = [[local word = "open" .. "-sesame" .. "/'1'"]]

-- how the script writes the secret → Lua text, and what must not be seen
local FORMS <const> = {
  { "as it is", "word", WORD },
  { "in base64", "crypto.base64(word)", "b3Blbi1zZXNhbWUvJzEn" },
  { "in base64 behind other text", 'crypto.base64("x" .. word)', "b3Blbi1zZXNhbWU" },
  { "in base64 twice", "crypto.base64(crypto.base64(word))", "YjNCbGJpMXpaWE5oYldVdkp6RW4" },
  { "in base64 with line breaks", '(crypto.base64(word):gsub("....", "%0\\n"))', "b3Bl\\nbi1z" },
  { "in base64url", '(crypto.base64(word):gsub("%+", "-"):gsub("/", "_"))', "b3Blbi1zZXNhbWU" },
  { "in hexadecimal", 'word:gsub(".", function(c) return ("%02x"):format(c:byte()) end)', "6f70656e2d736573616d65" },
  { "in capitals of it", 'word:gsub(".", function(c) return ("%02X"):format(c:byte()) end)', "6F70656E2D736573616D65" },
  { "with colons", 'word:gsub(".", function(c) return ("%02x:"):format(c:byte()) end)', "6f:70:65:6e" },
  { "as an URL", 'word:gsub("%W", function(c) return ("%%%02x"):format(c:byte()) end)', "open%2dsesame%2f" },
  { "as an URL twice", 'word:gsub("%W", function(c) return ("%%25%02X"):format(c:byte()) end)', "open%252Dsesame" },
  { "in JSON", "json.encode { word }", WORD },
  { "in JSON of JSON", "json.encode { json.encode { word } }", WORD },
  { "as \\u00xx", 'word:gsub(".", function(c) return ("\\\\u%04x"):format(c:byte()) end)', "u006f" },
  { "as HTML", 'word:gsub(".", function(c) return ("&#%d;"):format(c:byte()) end)', "&#111;" },
  { "as named HTML", [[word:gsub("'", "&apos;"):gsub("/", "&sol;")]], "open-sesame" },
  { "in SQL", [[word:gsub("'", "''")]], "open-sesame" },
  { "in a shell", [[word:gsub("'", "'\\''")]], "open-sesame" },
  { "as numbers", 'table.concat({ word:byte(1, -1) }, ", ")', "111, 112, 101, 110" },
  { "as decimal escapes", 'word:gsub(".", function(c) return ("\\\\%03d"):format(c:byte()) end)', "\\111\\112" },
  { "as octal escapes", 'word:gsub(".", function(c) return ("\\\\%03o"):format(c:byte()) end)', "\\157\\160" },
  { "cut, with dots", 'word:sub(1, 11) .. "..."', "open-sesame" },
}

local cases = {}

for _, form in ipairs(FORMS) do
  cases[#cases + 1] = {
    "logs a secret " .. form[1],
    top = TOP,
    body = ("log((%s)) log('x', { field = (%s) })"):format(form[2], form[2]),
    secrets = SECRETS,
    code = 0,
    expect = "******",
    absent = { WORD, form[3] },
  }
end

-- where the script puts it → Lua text, and the exit code
local PLACES <const> = {
  { "the name of a step", "step((crypto.base64(word):gsub('/', '')), function() log(word) end)", 0 },
  { "the name of a check", "check((crypto.base64(word):gsub('/', '')), function() return word end)", 0 },
  { "why a check failed", "check('x', function() return false, word end)", 1 },
  { "a failure and its hint", "fail(word, word)", 1 },
  { "bad input and its place", "invalid(word, word, word)", 3 },
  { "the names of log fields", "log('x', { [word] = { [word] = word } }) fail 'over'", 1 },
  { "the columns of an output", "output { columns = { word }, rows = { { [word] = word } } }", 0 },
  { "the text of an output", "output { columns = { 'a' }, rows = {}, text = word .. '\\n' .. word }", 0 },
  { "what is waited for", "wait_until(word, 1, function() return nil, word end)", 1 },
}

for _, place in ipairs(PLACES) do
  cases[#cases + 1] = {
    "puts a secret into " .. place[1],
    top = TOP,
    body = place[2],
    secrets = SECRETS,
    code = place[3],
    absent = { WORD, "open-sesame", "b3Blbi1zZXNhbWU" },
  }
end

-- a secret that is also …
local NAMES <const> = {
  { "the tenant's name", "urbanos", "the tenant's name" },
  { "the runbook's name", "hostile", "the runbook's name" },
  { "the runbook's path", "runbooks/hostile.lua", "the runbook's path" },
  { "the tenant's database", "coredb-urbanos", "the tenant's database" },
  { "the tenant's domain", "urbanos.embrix.com", "the tenant's domain" },
  { "a word of the records", "desired", "a word of the records" },
  { "today's date", os.date "!%Y-%m-%d", "today's date" },
  { "written in the script", "written-here", "in the script runbooks/hostile.lua" },
}

for _, name in ipairs(NAMES) do
  cases[#cases + 1] = {
    "has a secret that is also " .. name[1],
    top = "-- written-here",
    body = 'log "begun"',
    secrets = ('cave:\n  word: "%s"\n'):format(name[2]),
    code = 3,
    expect = { "the secret cave/word is also " .. name[3] },
    absent = "begun",
  }
end

return cases
