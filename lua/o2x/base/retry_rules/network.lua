--- No answer came by HTTP. `code` is that of the native client.

local ADDRESS <const> = "check that the server runs, and its address: o2x config explain"
local LOST <const> = "check the server and what is between: load balancer, firewall, proxy"

return {
  { code = "^dns$", verdict = "later", means = "the host name does not resolve", hint = ADDRESS, silent = true },
  {
    code = "^refused$",
    verdict = "later",
    means = "nobody listens: stopped or starting",
    hint = ADDRESS,
    silent = true,
  },
  { code = "^connect_timeout$", verdict = "later", means = "no connection in time", hint = ADDRESS, silent = true },
  { code = "^timeout$", verdict = "ask", kind = "timeout", means = "no answer in time", hint = LOST, silent = true },
  { code = "^reset$", verdict = "ask", means = "the connection broke before the answer", hint = LOST },
  { code = "^truncated$", verdict = "ask", means = "the connection broke within the answer", hint = LOST },
}
