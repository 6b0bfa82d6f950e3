--- ActiveMQ. `code` is the class of the Java error that Jolokia reports with HTTP 200.

local STOPS <const> = "wait until the broker has started; its log says why it stopped; else check O2X_BROKER_URL"

return {
  {
    code = "^no broker$",
    verdict = "later",
    means = "it has no broker yet: starting or waiting for a lock",
    hint = STOPS,
  },
  { code = "BrokerStoppedException$", verdict = "ask", means = "the broker is stopping", hint = STOPS },
  { code = "ServiceStoppedException$", verdict = "ask", means = "the broker is stopping", hint = STOPS },
  { code = "ConnectionFailedException$", verdict = "ask", means = "the broker lost a connection", hint = STOPS },
  {
    code = "^java%.io%.%w*Exception$",
    verdict = "ask",
    means = "the broker lost its store or a connection",
    hint = STOPS,
  },
}
