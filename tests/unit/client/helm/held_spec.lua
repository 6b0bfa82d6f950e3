-- The helms here are scripts that do what helm does with its post-renderer; the real one is in
-- tests/servers/effects/helm/held_spec.lua.
local fs = require "o2x.base.fs"
local held = require "o2x.client.helm.held"
local raised = require "tests.support.raised"
local task = require "o2x.base.task"

-- Runs the post-renderer and stores what it gives, as helm would write it.
local RENDER <const> = [=[
set -u
script= n=0 a= b= c=
while [ $# -gt 0 ]; do
  if [ "$1" = --post-renderer-args ]; then
    n=$((n + 1))
    case $n in 2) script=$2;; 3) a=$2;; 4) b=$2;; 5) c=$2;; esac
    shift
  fi
  shift
done
printf 'kind: A\napiVersion: v1\nmetadata: {name: a}\n' >"$OUT.rendered"
(exec sh -c "$script" "$a" "$b" "$c" <"$OUT.rendered" >"$OUT.new" 2>/dev/null) || exit 1
mv "$OUT.new" "$OUT"
]=]

describe("a helm that waits", function()
  local folder, out
  before_each(function()
    folder = fs.temp_folder()
    out = fs.join(folder, "out")
  end)
  after_each(function() fs.remove_tree(folder) end)

  local function start(text, seconds)
    local path = fs.join(folder, "helm")
    fs.write(path, "#!/bin/sh\n" .. text, { mode = tonumber("755", 8) })
    local o =
      { argv = { path, "upgrade" }, env = { OUT = out }, file = fs.join(folder, "file"), seconds = seconds or 60 }
    return held.start(o)
  end

  it("gives what it has rendered, and writes what it is told", function()
    local one = assert(start(RENDER .. "echo written; exit 3"))
    assert.equal("a", one:rendering().objects[1].metadata.name)
    assert.equal(tonumber("600", 8), fs.stat(fs.join(folder, "file")).mode)
    assert.is_false(fs.exists(out))
    local result = one:write({ { kind = "B" } }, 60)
    assert.same({ 3, "written\n", "" }, { result.code, result.stdout, result.stderr })
    assert.equal("kind: B\n", fs.read(out))
    one:close()
    assert.is_false(fs.exists(fs.join(folder, "file")))
  end)

  it("writes nothing when it is ended, and leaves nothing", function()
    local one = start(RENDER)
    one:close()
    one:close()
    assert.is_false(fs.exists(out))
    assert.is_false(fs.exists(fs.join(folder, "file")))
  end)

  it("is none when it ends before it has rendered, or takes too long", function()
    for _, text in ipairs { "exit 1", "exit 0", "echo o2x-1234 >&2; exit 0", "kill -9 $$" } do
      assert.is_nil(start(text), text)
    end
    assert.is_nil(start("exec sleep 100", 0.2))
    assert.is_nil(start("trap '' TERM; while :; do sleep 1; done", 0.2))
  end)

  it("that ends while it waits has a result that says so", function()
    local one = start((RENDER:gsub("%) || exit 1", ") & sleep 0.2; exit 5")))
    if one then
      assert.equal(5, one:write({}, 60).code)
      one:close()
    end
    assert.is_false(fs.exists(out))
  end)

  it("has a deadline for the write", function()
    local one = start(RENDER .. "exec sleep 100")
    local e = raised(one.write, one, {}, 0.3)
    assert.same({ "timeout", "helm did not exit within 0.3 s and was stopped" }, { e.kind, e.message })
  end)

  it("goes with a task that is cancelled", function()
    local started = task.now()
    assert.equal("timeout", raised(task.timeout, 0.3, start, "exec sleep 100").kind)
    assert.is_true(task.now() - started < 60)
  end)
end)
