--- DNS. `code` is the answer's code, or that of the resolver. All queries are reads.

local SERVER <const> = "check the name servers: /etc/resolv.conf, or dns.servers by o2x config explain"

return {
  {
    code = "^SERVFAIL$",
    verdict = "later",
    means = "the name server failed",
    hint = "dig shows its answer; its zone may be broken",
  },
  {
    code = "^REFUSED$",
    verdict = "never",
    kind = "unreachable",
    means = "the name server refuses to answer",
    hint = SERVER,
  },
  {
    code = "^TIMEOUT$",
    verdict = "later",
    kind = "timeout",
    means = "no answer in time",
    hint = SERVER,
    silent = true,
  },
  { code = "^ECONNREFUSED$", verdict = "later", means = "no name server listens", hint = SERVER, silent = true },
  { code = "^EDNS$", verdict = "later", means = "no name server gave a good answer", hint = SERVER, silent = true },
  { code = "^BADNAME$", verdict = "never", kind = "input", means = "it is not a host name" },
  {
    code = "^FORMERR$",
    verdict = "never",
    kind = "unreachable",
    means = "the name server does not read it",
    hint = SERVER,
  },
  { code = "^NOTIMP$", verdict = "never", kind = "unreachable", means = "the name server cannot do it", hint = SERVER },
  {
    code = "^NOTAUTH$",
    verdict = "never",
    kind = "unreachable",
    means = "the name server lacks the zone",
    hint = SERVER,
  },
}
