--- Answers that mean the same from any server, proxy or load balancer; all there is for Alertmanager and webhooks.

local LOOK <const> = "look at the log of the server, and of a proxy in front of it"

return {
  {
    status = "^429$",
    verdict = "later",
    means = "over its rate limit",
    hint = "raise its limit of requests, or wait; o2x waits as long as Retry-After says",
  },
  { status = "^425$", verdict = "later", means = "not ready for the request yet", hint = LOOK },
  { status = "^408$", verdict = "ask", means = "it waited too long for the request", hint = LOOK },
  { status = "^500$", verdict = "ask", means = "it failed inside", hint = LOOK },
  { status = "^502$", verdict = "ask", means = "the proxy got no good answer from the server", hint = LOOK },
  { status = "^503$", verdict = "ask", means = "not available: starting, stopping or overloaded", hint = LOOK },
  { status = "^504$", verdict = "ask", means = "the proxy got no answer from the server in time", hint = LOOK },
  { status = "^52%d$", verdict = "ask", means = "the content network does not reach the server", hint = LOOK },
}
