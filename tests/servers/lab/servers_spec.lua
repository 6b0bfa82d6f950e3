local context = require "lab.context"
local fs = require "o2x.base.fs"
local pg = require "o2x.client.pg"
local proc = require "o2x.base.proc"
local redis = require "o2x.client.redis"
local task = require "o2x.base.task"

-- The same for both real servers of the lab: what one keeps, how it is asked.
local SERVERS = {
  postgres = {
    write = function(env)
      local db <close> = pg.connect {
        host = env.PGHOST,
        port = env.PGPORT,
        user = env.PGUSER,
        password = env.PGPASSWORD,
        dbname = "postgres",
      }
      db:query 'CREATE DATABASE "coredb-kept"'
    end,
    read = function(env)
      local db <close> = pg.connect {
        host = env.PGHOST,
        port = env.PGPORT,
        user = env.PGUSER,
        password = env.PGPASSWORD,
        dbname = "postgres",
      }
      return db:one("SELECT 1 AS n FROM pg_database WHERE datname = 'coredb-kept'") ~= nil
    end,
    pid_file = "data/postmaster.pid",
    program = "postgres",
  },
  redis = {
    write = function(env)
      local one <close> = redis.connect { url = env.REDIS_URL, password = env.REDISCLI_AUTH }
      one:command("SET", "kept", "1")
    end,
    read = function(env)
      local one <close> = redis.connect { url = env.REDIS_URL, password = env.REDISCLI_AUTH }
      return one:command("GET", "kept") == "1"
    end,
    pid_file = "redis.pid",
    program = "redis-server",
  },
}

for name, kind in pairs(SERVERS) do
  describe("the lab's " .. name, function()
    local module = require("lab." .. name)
    local daemon = require "lab.daemon"
    local folder, lab
    before_each(function()
      folder = os.tmpname()
      fs.remove(folder)
      lab = context.new(folder)
    end)
    after_each(function()
      module.forget(lab)
      lab.flush()
      fs.remove_tree(folder)
    end)

    local function path()
      return daemon.path(lab, name, daemon.user(name == "redis" and { "redis", "nobody" } or { "postgres", "nobody" }))
    end
    local function pid() return fs.read(fs.join(path(), kind.pid_file)):match "%d+" end
    local function alive(number) return (fs.read_if(("/proc/%s/cmdline"):format(number)) or "") ~= "" end

    it("keeps port and data over a stop, and leaves nothing running", function()
      local first = module.start(lab)
      kind.write(first.env)
      local number = pid()
      assert.is_true(alive(number))
      assert.is_true(module.status(lab))
      first.stop()
      first.stop()
      assert.is_false(alive(number))
      assert.is_false(module.status(lab))
      lab.flush()
      lab = context.new(folder) -- as another process sees it
      local second = module.start(lab)
      assert.equal(first.port, second.port)
      assert.same(first.env, second.env)
      assert.is_true(kind.read(second.env))
    end)

    it("is found again by a lab whose process was killed", function()
      local first = module.start(lab)
      lab.flush()
      local number = pid()
      lab = context.new(folder)
      local second = module.start(lab)
      assert.equal(number, pid())
      assert.same(first.env, second.env)
    end)

    it("starts again after it crashed", function()
      local first = module.start(lab)
      kind.write(first.env)
      proc.run { argv = { "sh", "-c", "kill -9 " .. pid() } }
      local deadline = task.now() + 60
      while alive(pid()) do
        assert(task.now() < deadline)
        task.sleep(0.01)
      end
      assert.is_false(module.status(lab))
      local second = module.start(lab)
      assert.is_true(kind.read(second.env))
      assert.equal(first.port, second.port)
    end)

    it("does not run as root", function()
      module.start(lab)
      assert.are_not.equal(0, fs.stat("/proc/" .. pid()).uid)
    end)

    it("is forgotten whole", function()
      module.start(lab)
      local number, where = pid(), path()
      module.forget(lab)
      assert.is_false(alive(number))
      assert.is_false(fs.exists(where))
    end)
  end)
end
