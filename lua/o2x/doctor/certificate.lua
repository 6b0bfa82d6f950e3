--- Until when the certificate of a server is good. openssl asks for it: the clients' own libraries do not tell.

local clock = require "o2x.base.clock"
local proc = require "o2x.base.proc"

local M = {}

local SECONDS <const> = 5
local SOON <const> = 21 -- days

local MONTHS <const> = "JanFebMarAprMayJunJulAugSepOctNovDec"

--- The end in openssl's words.
---@param text string? "notAfter=Feb 10 12:00:00 2027 GMT"
---@return number? seconds since 1970
function M.parse(text)
  local month, day, time, year = (text or ""):match "notAfter=(%a+)%s+(%d+) (%d+:%d+:%d+) (%d+) GMT"
  local at = month and MONTHS:find(month, 1, true)
  if not at then return nil end
  return clock.parse(("%s-%02d-%02dT%sZ"):format(year, (at + 2) // 3, day, time))
end

-- The certificate that a server shows.
local function shown(host, port, options)
  local argv = { "openssl", "s_client", "-connect", ("%s:%d"):format(host, port) }
  if not host:find "^[%d.:%[%]]+$" then table.move({ "-servername", host }, 1, 2, #argv + 1, argv) end
  if options.protocol then table.move({ "-starttls", options.protocol }, 1, 2, #argv + 1, argv) end
  return proc.run({ argv = argv, stdin = "", timeout = SECONDS }).stdout:match "%-%-%-%-%-BEGIN.-END CERTIFICATE%-+"
end

--- Looks at the certificate of a server.
---@param note o2x.doctor.Note
---@param host string
---@param port integer
---@param options { protocol: string? }? protocol: "postgres", where TLS begins within another one
function M.look(note, host, port, options)
  if not proc.exists "openssl" then return end
  local ok, pem = pcall(shown, host, port, options or {})
  if not ok or not pem then return end
  local dated = proc.run { argv = { "openssl", "x509", "-noout", "-enddate" }, stdin = pem .. "\n", timeout = SECONDS }
  M.judge(note, M.parse(dated.stdout), ("%s:%d"):format(host, port))
end

--- Says until when a certificate is good.
---@param note o2x.doctor.Note
---@param ends number? seconds since 1970
---@param whose string
function M.judge(note, ends, whose)
  if not ends then return end
  local days = (ends - clock.now()) // 86400 | 0
  if days > SOON then return note:fact("certificate good for %d days", days) end
  local text = days < 0 and "the certificate of %s ended %d days ago" or "the certificate of %s ends in %d days"
  note:finding(
    text:format(whose, math.abs(days)),
    ("renew it; to see it: openssl s_client -connect %s </dev/null | openssl x509 -noout -dates"):format(whose)
  )
end

return M
