--- The database part of an onboarding: the id, the database, 46 statements of migrations, 19 rows.

local fs = require "o2x.base.fs"
local setting = dofile "bench/database/setting.lua"

local function contenders(state, port, suffix)
  local function one(name, argv)
    return {
      name = name .. suffix,
      argv = argv,
      env = setting.environment(state, port),
      before = function() setting.reset(state) end,
      check = function() setting.check(state) end,
    }
  end
  local floor = { "build/bench/database" }
  for i, database in ipairs { "enginedevdb", "postgres", "coredb-newclient" } do
    floor[i + 1] = "dbname=" .. database
  end
  for i, name in ipairs { "ids", "control", "create", "ddl", "rows" } do
    floor[i + 4] = fs.join(state.files, name)
  end
  local ansible = one("Ansible", {
    "ansible-playbook",
    "-i",
    "localhost,",
    "-e",
    "ansible_python_interpreter={{ ansible_playbook_python }}",
    "bench/database/ansible.yml",
  })
  ansible.missing, ansible.probe = "python3 -m pip install ansible psycopg2-binary", { "ansible", "--version" }
  ansible.env.BENCH_FILES, ansible.env.BENCH_LOCALE = state.files, state.server.state.locale
  return one("floor: libpq, pipelined", floor),
    one("psql, a step each", { "bash", "bench/database/psql.sh", state.files }),
    one("o2x", { "build/o2x", "run", state.runbook, "newclient", "--quiet" }),
    suffix == "" and ansible or nil
end

return {
  title = "The database part of onboarding a tenant, on this machine and 20 ms away",
  rounds = 5,
  differs = "floor and psql check nothing, keep no history of migrations, leave no markers and no journal; "
    .. "psql stands in for Flyway",
  setup = setting.start,
  teardown = setting.stop,
  contenders = function(state)
    local near = { contenders(state, state.server.port, "") }
    local far = { contenders(state, state.far, ", 20 ms away") }
    return table.move(far, 1, #far, #near + 1, near)
  end,
  must = {
    { "o2x", 1.3, "floor: libpq, pipelined" },
    { "o2x", 0.5, "psql, a step each" },
    { "o2x, 20 ms away", 1.3, "floor: libpq, pipelined, 20 ms away" },
    { "o2x, 20 ms away", 0.25, "psql, a step each, 20 ms away" },
  },
}
