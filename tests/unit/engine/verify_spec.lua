-- A run in the store is whole, or it is said what is not: each kind of damage, and what belongs to an honest kill.

local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local secret = require "o2x.base.secret"
local store = require "o2x.engine.store"
local verify = require "o2x.engine.verify"

local PRIVATE <const>, OPEN <const> = tonumber("600", 8), tonumber("644", 8)

describe("a run is verified", function()
  local folder, runs
  before_each(function()
    folder = fs.temp_folder "/tmp/o2x-verify-"
    runs = store.open(folder .. "/runs")
  end)
  after_each(function() fs.remove_tree(folder) end)

  local SOURCE <const> = "return 1\n"

  local function begin(records, fields)
    local id, _reserved <close> = runs:new_id()
    local header = { tenant = "acme", runbook = { name = "build", version = "1.0.0" }, params = {} }
    header.library = { ["stdlib/a.lua"] = crypto.sha256(SOURCE) }
    for name, value in pairs(fields or {}) do
      header[name] = value
    end
    local _, journal = runs:create(id, header, { ["stdlib/a.lua"] = SOURCE })
    for _, record in ipairs(records) do
      journal:append(record)
    end
    journal:close()
    return id
  end

  local INTENT <const> = { t = "intent", path = "s", kind = "thing", key = "a", effect = "e", slot = "s", desired = 1 }
  local DONE <const> = { t = "end", status = "done" }

  local function problems(id)
    local findings, facts = verify.run(runs, id)
    local list = {}
    for i, one in ipairs(findings) do
      list[i] = one.what
      assert.is_string(one.hint, one.what)
    end
    return table.concat(list, "\n"), facts
  end

  it("and is whole", function()
    local text, facts = problems(begin { INTENT, DONE })
    assert.equal("", text)
    assert.same({ "done", 3, 1, 0 }, { facts.status, facts.records, facts.sources, facts.answers })
  end)

  it("with a last record that was cut off by a kill, but not behind the end", function()
    local killed, ended = begin { INTENT }, begin { INTENT, DONE }
    for _, id in ipairs { killed, ended } do
      local path = runs:journal_of(id)
      local first = fs.read(path):match "[^\n]*\n"
      fs.append(path, first:sub(1, 20))
    end
    local text, facts = problems(killed)
    assert.same({ "", "crashed" }, { text, facts.status })
    assert.not_equal("", (problems(ended)))
  end)

  -- By what is done to a run: the words of what is found.
  local DAMAGES <const> = {
    {
      "a byte of the journal",
      "checksum",
      function(_, path) fs.write(path, (fs.read(path):gsub("thing", "think"))) end,
    },
    {
      "a record is gone",
      "journal",
      function(_, path) fs.write(path, (fs.read(path):gsub("^([^\n]*\n)[^\n]*\n", "%1"))) end,
    },
    { "the journal is gone", "journal", function(_, path) fs.remove(path) end },
    { "the journal is empty", "empty", function(_, path) fs.write(path, "") end },
    { "others may read the journal", "others may read", function(_, path) fs.chmod(path, OPEN) end },
    {
      "others may enter its folder",
      "others may read",
      function(run) fs.chmod(run, tonumber("755", 8)) end,
    },
    { "a script is gone", "stdlib/a.lua is missing", function(run) fs.remove(run .. "/sources/stdlib/a.lua") end },
    {
      "a script was changed",
      "stdlib/a.lua was changed",
      function(run) fs.write(run .. "/sources/stdlib/a.lua", "return 2\n") end,
    },
    {
      "it is another run's",
      "the journal is that of R%-",
      function(run)
        local other = begin { DONE }
        fs.remove_tree(run)
        fs.copy_tree(runs:folder_of(other), run)
        fs.chmod(run, tonumber("700", 8))
        fs.chmod(run .. "/journal", PRIVATE)
      end,
    },
  }

  for _, row in ipairs(DAMAGES) do
    it("finds that " .. row[1], function()
      local id = begin { INTENT, DONE }
      row[3](runs:folder_of(id), runs:journal_of(id))
      assert.matches(row[2], (problems(id)))
    end)
  end

  it("finds that the run that an undo takes back is gone", function()
    local id = begin({ DONE }, { runbook = { name = "undo" }, undo = { run = "R-20260101-000000-0000" } })
    assert.matches("R%-20260101%-000000%-0000, which it takes back, is not in the store", (problems(id)))
  end)

  it("finds the text of a secret in the journal and in the log", function()
    local word = "hunter2-hunter2"
    local tagged = { ["$secret"] = "admin/password", fp = secret.fingerprint(word) }
    local intent = { t = "intent", path = "s", kind = "thing", key = "a", effect = "e", slot = "s", desired = tagged }
    local id = begin { intent, DONE }
    assert.equal("", (problems(id)))
    fs.append(runs:folder_of(id) .. "/log", "12:00 it says " .. word .. "\n", PRIVATE)
    local text = problems(id)
    assert.matches("secret admin/password is in .*/log", text)
    assert.is_nil(text:find(word, 1, true))
    id = begin { intent, { t = "answer", call = "vault.read", path = "s", given = { word } }, DONE }
    assert.matches("secret admin/password is in the record of vault.read in step s", (problems(id)))
  end)
end)
