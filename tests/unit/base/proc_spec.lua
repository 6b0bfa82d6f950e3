local errors = require "o2x.base.error"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

-- What a call raised, as an error object.
local function raised(fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(errors.is(e), tostring(e))
  return e
end

local function alive(pid)
  local stat = io.open("/proc/" .. pid .. "/stat")
  if not stat then return false end
  local state = stat:read("a"):match("%) (%a)")
  stat:close()
  return state ~= "Z"
end

-- What a child of ours may have.
local INHERITED <const> = "PATH HOME USER LOGNAME TMPDIR TZ LANG LC_ALL LC_CTYPE SSL_CERT_FILE SSL_CERT_DIR"
  .. " HTTPS_PROXY https_proxy HTTP_PROXY http_proxy ALL_PROXY all_proxy NO_PROXY no_proxy O2X_COMMAND O2X_TEST"

describe("a program that is run", function()
  it("gives its output and exit code", function()
    local r = proc.run { argv = { "sh", "-c", "echo out; echo err >&2; exit 3" } }
    assert.same({ code = 3, stdout = "out\n", stderr = "err\n" }, r)
  end)

  it("tells the signal that ended it", function()
    local r = proc.run { argv = { "sh", "-c", "kill -11 $$" } }
    assert.same({ signal = 11, stdout = "", stderr = "" }, r)
  end)

  it("gets its arguments untouched by a shell", function()
    local r = proc.run { argv = { "printf", "%s|", "a b", "$HOME", "*", "`id`", "" } }
    assert.equal("a b|$HOME|*|`id`||", r.stdout)
  end)

  it("has only the environment that is meant for it", function()
    local lines = {}
    proc.run { argv = { "env" }, env = { O2X_TEST = "x=y" }, on_line = function(l) lines[l:match("^[^=]+")] = l end }
    assert.equal("O2X_TEST=x=y", lines.O2X_TEST)
    assert.is_string(lines.PATH)
    for name in pairs(lines) do
      assert.is_truthy(INHERITED:find(name, 1, true), name)
    end
  end)

  it("reaches the network as we do", function()
    local script = os.tmpname()
    fs.write(script, 'print(require("o2x.base.proc").run({ argv = { "env" } }).stdout)')
    local env = { HTTPS_PROXY = "http://p:1", no_proxy = ".example", PGPASSWORD = "none-of-yours" }
    local r = proc.run { argv = { "/proc/self/exe", script }, env = env } -- this very program
    assert.matches("HTTPS_PROXY=http://p:1\n", r.stdout)
    assert.matches("no_proxy=%.example\n", r.stdout)
    assert.is_nil(r.stdout:find "PGPASSWORD")
    fs.remove(script)
  end)

  it("has no descriptors but its three", function()
    local leak <close> = assert(io.open("/dev/null"))
    local r = proc.run { argv = { "ls", "/proc/self/fd" } }
    assert.equal("0\n1\n2\n3\n", r.stdout) -- 3 is the folder that it lists
    return leak
  end)

  it("reads a text or a secret from its input, of any size", function()
    assert.equal("hello", proc.run { argv = { "cat" }, stdin = "hello" }.stdout)
    assert.equal("6\n", proc.run { argv = { "sh", "-c", "wc -c" }, stdin = secret.new("s3cret", "x") }.stdout)
    local big = ("0123456789abcdef"):rep(65536)
    assert.is_true(proc.run { argv = { "cat" }, stdin = big }.stdout == big)
  end)

  it("may ignore its input", function()
    local r = proc.run { argv = { "true" }, stdin = ("x"):rep(1000000) }
    assert.equal(0, r.code)
  end)

  it(
    "is in the folder that was asked for",
    function() assert.equal("/usr\n", proc.run { argv = { "pwd" }, cwd = "/usr" }.stdout) end
  )

  it("is heard line by line, as it speaks", function()
    local seen = {}
    local fifo = os.tmpname()
    os.remove(fifo)
    -- The program goes on only after its first line was heard.
    proc.run {
      argv = { "sh", "-c", 'echo one; while [ ! -e "$0" ]; do sleep 0.01; done; printf "two\\n\\nlast"', fifo },
      on_line = function(line, stream)
        seen[#seen + 1] = stream .. ":" .. line
        if line == "one" then io.open(fifo, "w"):close() end
      end,
    }
    os.remove(fifo)
    assert.same({ "stdout:one", "stdout:two", "stdout:", "stdout:last" }, seen)
  end)

  it("never sees a secret among its arguments or in its environment", function()
    local s = secret.new("s3cret", "x")
    assert.is_false((pcall(proc.run, { argv = { "echo", s } })))
    assert.equal("bug", raised(proc.run, { argv = { "env" }, env = { X = s } }).kind)
    assert.is_false((pcall(proc.run, { argv = { "echo", "a\0b" } })))
  end)
end)

describe("a program that cannot be run", function()
  it("is named, with what to do", function()
    local e = raised(proc.run, { argv = { "no-such-program-here" } })
    assert.equal("no-such-program-here is not on PATH", e.message)
    assert.equal("missing", e.code)
    assert.is_string(e.hint)
  end)

  it("or has no such folder", function()
    local e = raised(proc.run, { argv = { "true" }, cwd = "/no/such/folder" })
    assert.equal("cannot start true: /no/such/folder: No such file or directory", e.message)
  end)

  it("or is no program", function()
    local name = os.tmpname()
    local e = raised(proc.run, { argv = { name } })
    os.remove(name)
    assert.equal(name .. " is not an executable file", e.message)
  end)
end)

describe("a program that goes on too long", function()
  it("is ended by SIGTERM at its deadline, with all that it started", function()
    local child
    local start = task.now()
    local e = raised(proc.run, {
      argv = { "sh", "-c", "sleep 100 & echo $!; wait" },
      timeout = 1,
      on_line = function(line) child = line end,
    })
    assert.equal("timeout", e.kind)
    assert.is_true(task.now() - start < 60)
    eventually("the grandchild's end", function() return not alive(child) end)
  end)

  it("is killed if it ignores SIGTERM", function()
    local child = proc.start { argv = { "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done" } }
    assert.equal("r", task.wait_fd(child:fd "stdout", "r", 60))
    proc.stop(child, 0.1)
    assert.same({ true, nil, 9 }, { child:status() })
    child:close()
  end)

  it("is killed when the task that runs it is cancelled", function()
    local pid
    local handle = task.spawn(proc.run, {
      argv = { "sh", "-c", "echo $$; exec sleep 100" },
      on_line = function(line) pid = line end,
    })
    eventually("its first line", function() return pid end)
    assert.is_true(alive(pid))
    handle:cancel()
    assert.is_false((pcall(handle.join, handle)))
    eventually("its end", function() return not alive(pid) end)
  end)

  it("is killed when what hears it fails", function()
    local pid
    assert.is_false((pcall(proc.run, {
      argv = { "sh", "-c", "echo $$; exec sleep 100" },
      on_line = function(line)
        pid = line
        error("enough")
      end,
    })))
    eventually("its end", function() return not alive(pid) end)
  end)

  it("or says too much", function()
    local e = raised(proc.run, { argv = { "yes" }, max_output = 100000 })
    assert.equal("yes wrote more than 100000 bytes to stdout", e.message)
  end)
end)

describe("a program that writes a file", function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  local function run(script)
    return proc.run { argv = { "sh", "-c", script, "sh", path }, grows = { path = path, seconds = 0.5 }, timeout = 60 }
  end

  it(
    "goes on while the file grows",
    function() assert.equal(0, run('for i in 1 2 3 4 5 6; do echo $i >>"$1"; sleep 0.2; done').code) end
  )

  it("is stopped when it has not grown for so long, and says so", function()
    local ok, err = pcall(run, 'echo begun >"$1"; exec sleep 100')
    assert.is_false(ok)
    assert.equal("timeout", err.kind)
    assert.matches("sh has written nothing for 0.5 s and was stopped", err.message, 1, true)
  end)
end)

describe("a program whose parent is killed", function()
  it("dies with it", function()
    local script = os.tmpname()
    local file <close> = assert(io.open(script, "w"))
    file:write([[
      local child = require("o2x.base.proc").start { argv = { "sleep", "100" } }
      io.write(child:pid(), "\n")
      io.flush()
      require("o2x.base.task").sleep(100)
    ]])
    file:close()
    local parent <close> = proc.start { argv = { "/proc/self/exe", script } } -- this very program
    task.wait_fd(parent:fd "stdout", "r", 60)
    local pid = parent:read("stdout"):match("%d+")
    assert.is_true(alive(pid))
    parent:kill(9)
    eventually("its end", function() return not alive(pid) end)
    os.remove(script)
  end)
end)

describe("a program that is started", function()
  it("may write to a file and outlive its handle", function()
    local log = os.tmpname()
    os.remove(log)
    local child = proc.start { argv = { "sh", "-c", "echo begun; exec sleep 100" }, log = log, detached = true }
    local pid = child:pid()
    eventually("its first line", function()
      local f <close> = io.open(log)
      return f and f:read("l") == "begun"
    end)
    child:close()
    assert.is_true(alive(pid))
    proc.run { argv = { "kill", tostring(pid) } }
    os.remove(log)
  end)
end)
