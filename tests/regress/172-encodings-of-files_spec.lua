-- A file that an editor saved as UTF-16, as Latin-1 or with a NUL was refused with the words of a parser ("invalid
-- leading UTF-8 octet", "unexpected symbol near '<\255>'"). Each reader of operators' files beside each encoding.

local config = require "o2x.project.config"
local errors = require "o2x.base.error"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local kubeconfig = require "o2x.client.kubeconfig"
local pg_service = require "o2x.project.pg_service"
local secret = require "o2x.base.secret"
local secrets_file = require "o2x.project.secrets_file"
local toys = require "tests.support.toy"
local versions = require "o2x.project.versions"
local yaml = require "o2x.base.yaml"

local function wide(order)
  return function(text)
    local out = {}
    for _, code in utf8.codes(text) do
      out[#out + 1] = string.pack(order .. "I2", code)
    end
    return table.concat(out)
  end
end

local little, big = wide "<", wide ">"

-- name; what becomes of a text that has one é, in a comment on its second line; what is said, nil if it works
local ENCODINGS <const> = {
  { "UTF-8", function(text) return text end },
  { "UTF-8 with a mark", function(text) return "\xef\xbb\xbf" .. text end },
  { "CRLF", function(text) return (text:gsub("\n", "\r\n")) end },
  { "CRLF with a mark", function(text) return "\xef\xbb\xbf" .. text:gsub("\n", "\r\n") end },
  { "no newline at the end", function(text) return (text:gsub("\n$", "")) end },
  { "UTF-16, little", function(text) return "\xff\xfe" .. little(text) end, "UTF%-16" },
  { "UTF-16, big", function(text) return "\xfe\xff" .. big(text) end, "UTF%-16" },
  { "UTF-16 without a mark", little, "UTF%-16" },
  { "UTF-16, big, without a mark", big, "UTF%-16" },
  { "Latin-1", function(text) return (text:gsub("é", "\xe9")) end, ":2.*not UTF%-8", bytes = true },
  { "an overlong character", function(text) return (text:gsub("é", "\xc0\xa9")) end, ":2.*not UTF%-8", bytes = true },
  {
    "half a surrogate pair",
    function(text) return (text:gsub("é", "\xed\xa0\x80")) end,
    ":2.*not UTF%-8",
    bytes = true,
  },
  { "a NUL", function(text) return (text:gsub("é", "\0")) end, ":2.*NUL" },
}

describe("a file that operators write", function()
  local place
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  -- name; its text; reads it, raises or gives what it found; what a good one gives. bytes: any 8-bit encoding works
  local READERS <const> = {
    {
      "o2x.yaml",
      "# x\n# é\npg:\n  host: db.example.com\n",
      function(path)
        local project = { root = place:at "", yaml = path, state = "s" }
        return config.load(project, {}, { HOME = "" }).pg.host
      end,
      "db.example.com",
    },
    {
      "a secrets file",
      "# x\n# é\nvault:\n  key: v1\n",
      function(path)
        local read = secrets_file.parse(secret.new(fs.read(path), "x"), path)
        return secret.equal(read.vault.key, "v1") and "v1"
      end,
      "v1",
    },
    {
      "a kubeconfig",
      "# x\n# é\ncurrent-context: a\ncontexts:\n- name: a\n  context: {cluster: c, user: u}\nclusters:\n- name: c\n"
        .. "  cluster: {server: 'https://127.0.0.1:1'}\nusers:\n- name: u\n  user: {token: 'abc'}\n",
      function(path) return kubeconfig.load({ path = path }).server end,
      "https://127.0.0.1:1",
    },
    {
      "values",
      "# x\n# é\na: 1\n",
      function(path) return yaml.decode(fs.read(path), path).a end,
      1,
    },
    {
      "versions.lock",
      ("# x\n# é\nonboard 1.0.0 %s\n"):format(("a"):rep(64)),
      function(path)
        fs.rename(path, place:at "versions.lock")
        local ok, found = xpcall(versions.read, errors.handler, { runbooks = place:at "" })
        fs.rename(place:at "versions.lock", path)
        if not ok then error(found, 0) end
        return found["onboard 1.0.0"] and 1
      end,
      1,
    },
    {
      "a service file",
      "# x\n# é\n[a]\nhost=db\n",
      function(path) return (pg_service.value("host", { PGSERVICE = "a", PGSERVICEFILE = path })) end,
      "db",
    },
  }

  local count = 0
  for _, reader in ipairs(READERS) do
    for _, encoding in ipairs(ENCODINGS) do
      it(("%s as %s works, or is refused in one line"):format(reader[1], encoding[1]), function()
        count = count + 1
        local path = place:write("file", encoding[2](reader[2]))
        path = path or place:at "file"
        local ok, found = xpcall(reader[3], errors.handler, path)
        if not encoding[3] then
          assert.is_true(ok, tostring(found))
          assert.equal(reader[4], found)
          return
        end
        assert.is_false(ok, tostring(found))
        assert.equal("input", found.kind, tostring(found))
        assert.matches(encoding[3], tostring(found))
        assert.is_nil(tostring(found):find "\n")
      end)
    end
  end

  local SCRIPTS <const> = {
    { "a tenant's file", "project/platform/tenants/alpha.yaml" },
    { "platform.yaml", "project/platform/platform.yaml" },
    { "a runbook", "project/runbooks/write.lua", bytes = true },
    { "a file of stdlib", "project/stdlib/platform.lua", bytes = true },
  }
  for _, script in ipairs(SCRIPTS) do
    it(("%s in each encoding works, or is refused in one line"):format(script[1]), function()
      local toy <close> = toys.new()
      toy:runbook("write", '    toy.ensure("a", 1)')
      local path = toy.dir .. "/" .. script[2]
      local good = fs.read(path)
      local comment = path:find "%.lua$" and "-- x\n-- é\n" or "# x\n# é\n"
      for _, encoding in ipairs(ENCODINGS) do
        count = count + 1
        fs.write(path, encoding[2](comment .. good))
        local result = toy:o2x { "plan", "write", "alpha" }
        local told = ("%s as %s: %s"):format(script[1], encoding[1], result.stderr)
        if encoding[3] == nil or script.bytes and encoding.bytes then
          assert.equal(0, result.code, told)
        else
          assert.equal(3, result.code, told)
          assert.matches(encoding[3], result.stderr, told)
          assert.matches(fs.name(path), result.stderr, 1, true)
          assert.is_nil(result.stderr:find "traceback", told)
        end
      end
    end)
  end

  it("counts", function() print(("encodings: %d cases of %d readers"):format(count, #READERS + #SCRIPTS)) end)
end)
