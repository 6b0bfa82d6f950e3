-- With the default `prefer`, a server that declined TLS, or somebody between, was sent the password in clear text.
local errors = require "o2x.base.error"
local listen = require "o2x.core.listen"
local pool = require "o2x.client.pg.pool"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local SSL_REQUEST <const> = string.pack(">I4I4", 8, 80877103)

-- Takes connections, declines TLS, asks for the password, and keeps all bytes.
local function declining(got)
  local listener = assert(listen.open("127.0.0.1", 0))
  local server = task.spawn(function()
    while true do
      local connection = listener:accept()
      if not connection then
        task.wait_fd(listener:fd(), "r", math.huge)
      else
        local held <close> = connection
        while true do
          local bytes, _, code = held:read()
          if not bytes and code == "EAGAIN" then
            task.wait_fd(held:fd(), "r")
          elseif not bytes or bytes == "" then
            break
          else
            got[#got + 1] = bytes
            -- "N": no TLS; to whatever comes after that: AuthenticationCleartextPassword
            held:write(bytes == SSL_REQUEST and "N" or "R" .. string.pack(">I4I4", 8, 3))
          end
        end
      end
    end
  end)
  return listener:port(), server
end

describe("a PostgreSQL server that declines TLS", function()
  for what, modes in pairs {
    ["by default"] = {},
    ["where platform.yaml says require"] = { platform = "require" },
    ["where the configuration says verify-ca"] = { given = "verify-ca", platform = "disable" },
  } do
    it("gets no password " .. what, function()
      local got = {}
      local port, server = declining(got)
      local config = { host = "127.0.0.1", port = port, user = "u", password = secret.new("sesame-pg-tls", "pg") }
      config.sslmode = modes.given
      local made = pool.for_run({ pg = config }, { pg = { tenant = "t" }, sslmode = modes.platform }, {})
      local ok, err = pcall(made.connect, made, "t")
      server:cancel()
      pcall(server.join, server)
      assert.is_false(ok)
      assert.is_true(errors.is(err))
      assert.matches("does not support TLS, but sslmode requires it", err.message)
      assert.same({ SSL_REQUEST }, got)
    end)
  end
end)
