-- A whole onboarding, then a search for every secret that it touched: in the output, in the records, and in what other
-- users of the machine can see of the processes.

local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local program = require "o2x.core.program"
local task = require "o2x.base.task"
local yaml = require "o2x.base.yaml"

local ONBOARD, TENANT = "runbooks/onboard.lua", "newclient"
local SHORTEST <const> = 6 -- bytes: what is shorter stands in many texts by chance
local LOOK <const> = 0.01 -- seconds between two looks at the processes
local PASSWORDS = { "PGPASSWORD", "VAULT_TOKEN", "AWS_SECRET_ACCESS_KEY", "REDISCLI_AUTH", "O2X_BROKER_PASSWORD" }

local function add_texts(into, node, name)
  if type(node) == "string" and #node >= SHORTEST then into[node] = name end
  for key, item in pairs(type(node) == "table" and node ~= json.null and node or {}) do
    add_texts(into, item, name .. "/" .. tostring(key))
  end
end

-- What must be nowhere: text → what it is.
local function forms_of(secrets)
  local forms = {}
  for text, name in pairs(secrets) do
    forms[text], forms[crypto.base64(text):gsub("=+$", "")], forms[crypto.hex(text)] =
      name, name .. " in base64", name .. " in hex"
  end
  return forms
end

local function files_below(folder, see)
  for _, name in ipairs(fs.list(folder)) do
    local path = fs.join(folder, name)
    local stat = fs.stat(path, false)
    if stat and stat.type == "folder" then
      files_below(path, see)
    elseif stat and stat.type == "file" then
      see(path, fs.read(path))
    end
  end
end

local function read_process(pid, what)
  local ok, text = pcall(fs.read_if, ("/proc/%s/%s"):format(pid, what))
  return ok and text or ""
end

-- The children of a process, by the kernel's own list: other tests' processes are none of ours.
local function children_of(pid)
  local found = {}
  local ok, threads = pcall(fs.list, ("/proc/%s/task"):format(pid))
  for _, thread in ipairs(ok and threads or {}) do
    for child in read_process(pid, ("task/%s/children"):format(thread)):gmatch "%d+" do
      found[#found + 1] = child
    end
  end
  return found
end

-- The descendants of a process: what /proc shows of their arguments and of the environment they were given.
local function look_at_children(parent, seen, parent_arguments)
  for _, pid in ipairs(children_of(parent)) do
    local arguments = read_process(pid, "cmdline")
    seen[arguments] = "arguments"
    -- o2x has its environment from the test, and so has a child before its exec: that one is left out.
    local is_o2x = parent_arguments == nil or arguments == parent_arguments
    if not is_o2x then seen[read_process(pid, "environ")] = "environment" end
    look_at_children(pid, seen, arguments)
  end
end

describe("no secret of an onboarding", function()
  local lab, places, forms
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  -- Runs the program in the lab, watched; -> what it printed
  local function watched(words, seen)
    local out, done = nil, false
    task.parallel {
      run = function()
        out = lab:o2x(words)
        done = true
      end,
      watch = function()
        while not done do
          look_at_children(tostring(program.pid()), seen)
          task.sleep(LOOK)
        end
      end,
    }
    return out
  end

  it("is made without being seen", function()
    local seen = {}
    places = {
      plan = lab:o2x({ "plan", ONBOARD, TENANT, "--json" }).stdout,
      ["plan --full"] = lab:o2x({ "plan", ONBOARD, TENANT, "--full" }).stdout,
    }
    local run = watched({ "run", ONBOARD, TENANT, "--verbose" }, seen)
    assert.equal(0, run.code, run.stderr)
    places.stdout, places.stderr = run.stdout, run.stderr
    for _, words in ipairs {
      { "show", "--json" },
      { "show", "--full" },
      { "runs", "--json" },
      { "plan", ONBOARD, TENANT, "--json" },
    } do
      local result = lab:o2x(words)
      assert.equal(0, result.code, result.stderr)
      places[table.concat(words, " ")] = result.stdout .. result.stderr
    end
    local count = 0
    for text, what in pairs(seen) do
      count = count + (text ~= "" and 1 or 0)
      places[("%s %d of a process"):format(what, count)] = text
    end
    assert.is_true(count > 20, "helm was not seen at work")
  end)

  it("can be named afterwards", function()
    local secrets = {}
    local path = fs.join(lab.env.O2X_SECRETS or fs.join(lab.platform, "lab/secrets"), TENANT .. ".yaml")
    add_texts(secrets, yaml.decode(fs.read(path), path), "secrets file")
    for _, name in ipairs(PASSWORDS) do
      add_texts(secrets, lab.env[name], name)
    end
    add_texts(secrets, lab:vault("tenant/" .. TENANT .. "/license/onboarding").decrypt_key, "decrypt key")
    add_texts(secrets, lab:vault("tenant/" .. TENANT .. "/admin").password, "admin's password")
    forms = forms_of(secrets)
    local count = 0
    for _ in pairs(secrets) do
      count = count + 1
    end
    assert.is_true(count >= 8, "the secrets were not found")
  end)

  it("is found in what it printed or kept, or in what its processes show", function()
    local function keep(path, text) places[path] = text end
    files_below(lab.store, keep)
    files_below(lab.platform, function(path, text)
      if not path:find("/lab/", 1, true) then keep(path, text) end
    end)
    local found = {}
    for place, text in pairs(places) do
      for form, name in pairs(forms) do
        if text:find(form, 1, true) then found[#found + 1] = ("%s: %s"):format(place, name) end
      end
    end
    table.sort(found)
    assert.same({}, found)
  end)
end)
