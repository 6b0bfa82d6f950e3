-- Calls every native function while one allocation after another fails in it: the Nth once, then the Nth and all later
-- ones. Run by tests/unit/host/native_faults_spec.lua with the library of tests/faults/shim.c; a crash ends the
-- process. Prints how many functions and faults there were.

local core = setmetatable({}, { __index = function(_, name) return require("o2x.core." .. name) end })
local fs = require "o2x.base.fs"

local MOST <const> = 400 -- faults in one function

local folder = fs.temp_folder "/tmp/o2x-natives-"
local file = folder .. "/file"
fs.write(file, "text")
fs.write(folder .. "/secret.yaml", "a: {b: secret-text}\n")
fs.chmod(folder .. "/secret.yaml", tonumber("600", 8))

local function live() return core.secret.new("a secret text", "label") end

local function connected()
  local listener = assert(core.listen.open("127.0.0.1", 0))
  local connection = core.net.connect("127.0.0.1", listener:port())
  return connection, listener
end

-- "abc"
local PACKED <const> = core.crypto.unbase64 "H4sIAAAAAAAAA0tMSgYAwkEkNQMAAAA="
local WORDS <const> = { [""] = core.json.null, yes = true }
local GRANTS <const> = { "tenant/a/" }

-- Each by the name that its documentation gives it (@function). Values that are closed are closed here.
local calls = {
  ["clock.format"] = function() return core.clock.format(1, 0, 3) end,
  ["clock.parse"] = function() return core.clock.parse "2026-01-01T00:00:00Z" end,
  ["clock.wall"] = function() return core.clock.wall() end,
  ["clock.monotonic"] = function() return core.clock.monotonic() end,
  ["clock.boottime"] = function() return core.clock.boottime() end,
  ["crypto.base64"] = function() return core.crypto.base64 "abc" end,
  ["crypto.unbase64"] = function() return core.crypto.unbase64 "YWJj" end,
  ["crypto.hex"] = function() return core.crypto.hex "abc" end,
  ["crypto.unhex"] = function() return core.crypto.unhex "616263" end,
  ["crypto.sha1"] = function() return core.crypto.sha1 "abc" end,
  ["crypto.sha256"] = function() return core.crypto.sha256 "abc" end,
  ["crypto.hmac_sha256"] = function() return core.crypto.hmac_sha256("k", "abc") end,
  ["crypto.crc32c"] = function() return core.crypto.crc32c "abc" end,
  ["crypto.random"] = function() return core.crypto.random(8) end,
  ["dnsmsg.parse"] = function() return core.dnsmsg.parse(("\0"):rep(12)) end,
  ["event.new"] = function()
    local event <close> = core.event.new()
    event:set()
    return event:seen(), event:clear()
  end,
  ["event.timer"] = function()
    local timer <close> = core.event.timer(1)
    return timer
  end,
  ["event.signal"] = function()
    local signal <close> = core.event.signal "HUP"
    return signal
  end,
  ["event.fd"] = function()
    local connection, listener <close> = connected()
    local _close <close> = connection
    local watch <close> = core.event.fd(connection:fd(), "w")
    return listener, watch
  end,
  ["snapshot.is_plain"] = function() return core.snapshot.is_plain({ a = { 1, "b" } }, {}) end,
  ["pairs.new"] = function()
    local pairs_of = core.pairs.new({}, {}, function(t) return t end)
    for _ in pairs_of { b = 1, a = 2, [3] = true } do
    end
  end,
  ["pattern.find"] = function() return core.pattern.find("key = value", "(%w+) = (%w+)") end,
  ["pattern.match"] = function() return core.pattern.match("key = value", "(%w+) = (%w+)") end,
  ["pattern.gmatch"] = function()
    for _ in core.pattern.gmatch("a b c", "%w") do
    end
  end,
  ["pattern.gsub"] = function() return core.pattern.gsub("key", "%w", ("%0"):rep(100)) end,
  ["frame.seal"] = function() return core.frame.seal(0, ("0"):rep(16), '{"a":1}') end,
  ["frame.open"] = function()
    local line = core.frame.seal(0, ("0"):rep(16), '{"a":1}')
    return core.frame.open(line:sub(1, -2), 0, ("0"):rep(16))
  end,
  ["frame.torn"] = function() return core.frame.torn '{"n":0' end,
  ["extract.secrets"] = function() return core.extract.secrets(live(), "(secret)", "label") end,
  ["fs.read"] = function() return core.fs.read(file, 100) end,
  ["fs.read_secret"] = function() return core.fs.read_secret(folder .. "/secret.yaml", "label") end,
  ["fs.write"] = function() return core.fs.write(folder .. "/new", "abc") end,
  ["fs.append"] = function() return core.fs.append(folder .. "/new", "abc") end,
  ["fs.list"] = function() return core.fs.list(folder) end,
  ["fs.walk"] = function() return core.fs.walk(folder) end,
  ["fs.stamps"] = function() return core.fs.stamps(folder, "", "none") end,
  ["fs.stat"] = function() return core.fs.stat(file) end,
  ["fs.cwd"] = function() return core.fs.cwd() end,
  ["fs.realpath"] = function() return core.fs.realpath(file) end,
  ["fs.readlink"] = function() return core.fs.readlink(file) end,
  ["fs.mkdtemp"] = function() return fs.remove_tree(assert(core.fs.mkdtemp(folder .. "/x"))) end,
  ["fs.mkdir"] = function() return core.fs.mkdir(folder .. "/d", tonumber("700", 8)) end,
  ["fs.chmod"] = function() return core.fs.chmod(file, tonumber("600", 8)) end,
  ["fs.rename"] = function() return core.fs.rename(file, file) end,
  ["fs.remove"] = function() return core.fs.remove(folder .. "/none") end,
  ["fs.remove_tree"] = function() return core.fs.remove_tree(folder .. "/d") end,
  ["fs.symlink"] = function() return core.fs.symlink("x", folder .. "/link") end,
  ["fs.user"] = function() return core.fs.user "root" end,
  ["gzip.unpack"] = function() return core.gzip.unpack(PACKED, 100) end,
  ["parse.tokens"] = function() return core.parse.tokens 'local a = "b\\n" .. [[c]] -- d' end,
  ["parse.tree"] = function() return core.parse.tree "local a <const> = { 1, [b] = c.d:e 'f' } repeat until a" end,
  ["http.authority"] = function() return core.http.authority "http://127.0.0.1:1/" end,
  ["http.headers"] = function() return core.http.headers "a\0b\0a\0c\0" end,
  ["http.origin"] = function() return core.http.origin {} end,
  ["http.start"] = function()
    local op <close> =
      assert(core.http.start(core.http.origin {}, { url = "http://127.0.0.1:1/", headers = {} }, nil, false, false))
    return op
  end,
  ["httpd.listen"] = function()
    local server = assert(core.httpd.listen("127.0.0.1", 0, 1000))
    local port = server:port()
    server:stop()
    return port
  end,
  ["journal.open"] = function()
    os.remove(folder .. "/journal")
    local journal = assert(core.journal.open(folder .. "/journal", true))
    journal:reserve(100)
    journal:move(folder .. "/journal")
    journal:append(0, ("0"):rep(16), '{"a":1}')
    journal:flush()
    local commit <close> = journal:commit()
    core.task.wait(commit, 10)
    commit:result()
    journal:cut(2)
    journal:close()
  end,
  ["journal_reader.open"] = function()
    local path = folder .. "/framed"
    fs.write(path, (core.frame.seal(0, ("0"):rep(16), '{"a":1}')))
    local reader <close> = assert(core.journal_reader.open(path))
    local _, place = reader:next()
    return reader:next(), reader:state(), reader:at(place)
  end,
  ["journal.held"] = function() return core.journal.held(folder .. "/journal") end,
  ["journal.sync_path"] = function() return core.journal.sync_path(folder) end,
  ["json.decode"] = function() return core.json.decode '{"a":[1,2,{"b":"c\\u00e9"}],"d":null}' end,
  ["json.decode_secret"] = function()
    return core.json.decode_secret(core.secret.new([[{"a":"bcdefgh"}]], "x"), "a", "label")
  end,
  ["json.encode"] = function() return core.json.encode { a = { 1, 2 }, b = "c\n" } end,
  ["json.encode_secret"] = function() return core.json.encode_secret { a = live() } end,
  ["json.array"] = function() return core.json.is_array(core.json.array {}) end,
  ["json.without_nulls"] = function() return core.json.without_nulls(core.json.decode '{"a":{"b":null},"c":null}') end,
  ["listen.open"] = function()
    local listener <close> = assert(core.listen.open("127.0.0.1", 0))
    return listener:port(), listener:fd(), listener:accept()
  end,
  ["listen.open_path"] = function()
    local listener <close> = assert(core.listen.open_path(folder .. "/socket"))
    return listener:fd(), listener:accept()
  end,
  ["lock.take"] = function()
    local lock <close> = assert(core.lock.take(folder .. "/lock", "me"))
    return core.lock.holder(folder .. "/lock"), lock
  end,
  ["lock.folder"] = function()
    local lock <close> = assert(core.lock.folder(folder))
    return lock, core.lock.folder(folder)
  end,
  ["lock.claim"] = function()
    local claim <close> = assert(core.lock.claim "o2x/faults")
    return claim, core.lock.claim "o2x/faults"
  end,
  ["net.connect"] = function()
    local connection, listener <close> = connected()
    local _close <close> = connection
    return connection:connected(), connection:write "abc", connection:read(), listener
  end,
  ["program.environment"] = function() return core.program.environment() end,
  ["program.pid"] = function() return core.program.pid() end,
  ["redis.new"] = function()
    local connection, listener <close> = connected()
    local client <close> = core.redis.new(connection)
    client:append("PING", "x", 7, live())
    client:queue "PING\r\n"
    return client:flush(), client:reply(), listener
  end,
  ["redis.page"] = function()
    local connection, listener <close> = connected()
    local client <close> = core.redis.new(connection)
    local server <close> = listener:accept()
    server:write "*2\r\n$1\r\n0\r\n*2\r\n$5\r\na:b:c\r\n$4\r\na:bc\r\n"
    client:fill()
    return client:page("a:", true)
  end,
  ["redis.url"] = function() return core.redis.url "redis://u:p@127.0.0.1:6379/1" end,
  ["scope.path"] = function() return core.scope.path(GRANTS, "tenant/b/x") end,
  ["scope.name"] = function() return core.scope.name({ "a" }, "b") end,
  ["scope.key"] = function() return core.scope.key({ "a:" }, "b:") end,
  ["scope.domain"] = function() return core.scope.domain({ "a.example" }, "b.example") end,
  ["secret.new"] = function() return tostring(live()), live() .. "x", live():length() end,
  ["secret.random"] = function() return core.secret.random(20) end,
  ["secret.equal"] = function() return core.secret.equal(live(), live()) end,
  ["secret.fingerprint"] = function() return core.secret.fingerprint(live()) end,
  ["secret.scrub"] = function()
    local secret = live()
    return core.secret.scrub "x a%20secret%20text YSBzZWNyZXQgdGV4dA== x", secret
  end,
  ["secret.base64"] = function() return live():base64():unbase64() end,
  ["secret.publish"] = function() return core.secret.publish "a public text" end,
  ["secret.ranges"] = function()
    local secret = live()
    return core.secret.ranges "xa secret textx", secret
  end,
  ["secret.suspicious"] = function()
    local secret = live()
    return core.secret.suspicious({ a = { "text", 1234567, b = "xa secret textx" } }, "mark"), secret
  end,
  ["secret.inside"] = function() return core.secret.inside { { a = live() } } end,
  ["snapshot.copy"] = function()
    local value = { a = { 1, "two", { b = print } }, c = core.json.array {} }
    return core.snapshot.copy(value, {}, {}, {}, 100, {}), core.snapshot.copy({ { {} } }, {}, {}, {}, 2, {})
  end,
  ["snapshot.are_atoms"] = function() return core.snapshot.are_atoms(1, "a", {}) end,
  ["fs.read_private"] = function() return core.fs.read_private(folder .. "/secret.yaml", "label") end,
  ["secret.set_key"] = function() return core.secret.set_key(("k"):rep(32)) end,
  ["secret.fresh"] = function() return core.secret.is_fresh(core.secret.mark_fresh(live())) end,
  ["secret.is"] = function() return core.secret.is(live()), core.secret.is_joined(live()) end,
  ["secret.found"] = function()
    local secret = live()
    return core.secret.found "xa secret textx", core.secret.is_maskable(secret), core.secret.wipe(secret)
  end,
  ["subprocess.which"] = function() return core.subprocess.which "true" end,
  ["output.write"] = function() return core.output.write(1, "") end,
  ["tty.is"] = function() return core.tty.is(1), core.tty.size(1) end,
  ["tty.is_plain"] = function() return core.tty.is_plain("a\n", true) end,
  ["udp.bind"] = function()
    local socket <close> = assert(core.udp.bind("127.0.0.1", 0))
    return socket:port(), socket:fd(), socket:receive()
  end,
  ["words.of"] = function() return core.words.of { "a.b C-D", { k = ("x-"):rep(600) } } end,
  ["xml.parse"] = function() return core.xml.parse "<a b='c'><d>e</d></a>" end,
  ["yaml.compose"] = function()
    local text = "a: [1, {b: c}]\nd: 'e'\nf:\n- name: g\n"
    local tree = core.yaml.compose(text, 10)
    local root, orders = tree:document(), {}
    tree:value(root, WORDS, 10, orders)
    tree:nodes(root)
    tree:simple(WORDS)
    local d = tree:entry(root, "d", WORDS)
    local f = tree:entry(root, "f", WORDS)
    tree:item(f, tree:holding(f, "name", "g", WORDS))
    tree:form(d)
    return tree:replace(text, d, "'h'", "h", WORDS)
  end,
  ["yaml.resolve"] = function() return core.yaml.resolve("1_0", WORDS), core.yaml.ambiguous("1_0", WORDS) end,
  ["yaml.block"] = function() return core.yaml.block({ a = { 1, "x\ny" } }, WORDS, {}, "") end,
  ["yaml.flow"] = function() return core.yaml.flow({ a = { 1, { b = "c: d" } } }, WORDS, {}) end,
  ["yaml.scalar"] = function() return core.yaml.scalar("x", WORDS, {}), core.yaml.shape {} end,
  ["yaml.string"] = function()
    return core.yaml.string("a", false, WORDS), core.yaml.plain("a", true, WORDS), core.yaml.quote("a", "double")
  end,
  ["yaml.parser"] = function()
    local parser = core.yaml.parser "a: [1, {b: c}]\nd: 'e'\n"
    repeat
      local event = parser:next()
    until not event or event == "stream_end"
  end,
}

local functions, struck, broken = 0, 0, 0
for name, call in pairs(calls) do
  functions = functions + 1
  for _, how in ipairs { "", ":on" } do
    for n = 1, MOST do
      os.getenv(("FAULT:malloc:%d:12%s"):format(n, how))
      pcall(call)
      os.getenv "FAULT:off"
      local hit = os.getenv "FAULT:hit"
      if not hit then break end
      struck = struck + 1
      collectgarbage()
    end
    local ok, problem = pcall(call)
    if not ok then
      io.stdout:write(("%s does not work any more: %s\n"):format(name, problem))
      broken = broken + 1
    end
  end
end
fs.remove_tree(folder)
io.stdout:write(("%d functions, %d faults, %d broken\n"):format(functions, struck, broken))
