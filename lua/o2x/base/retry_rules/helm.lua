--- What helm prints when it fails. A write of helm's is many requests, so some may have been carried out.

local API <const> = "look at the API server: kubectl get --raw '/readyz?verbose'"
local AGAIN <const> = "helm history shows what came of it; o2x resume goes on"

return {
  {
    text = "another operation %(install/upgrade/rollback%) is in progress",
    verdict = "never",
    kind = "conflict",
    means = "the release is locked",
    hint = "another helm process is working on it or died while doing so; check with: helm history %s",
  },
  {
    text = "invalid ownership metadata",
    verdict = "never",
    kind = "conflict",
    means = "the objects belong to somebody else",
    hint = "the objects do not belong to this release; delete them, or label and annotate them as helm asks",
  },
  { text = "Unauthorized", verdict = "never", kind = "unauthorised", means = "the credentials are refused" },
  {
    text = "exceeded quota",
    verdict = "never",
    means = "the quota is used up",
    hint = "kubectl describe resourcequota",
  },
  {
    text = "being terminated",
    verdict = "never",
    kind = "conflict",
    means = "the namespace is being deleted",
    hint = "wait until it is gone (kubectl get namespaces), then o2x resume",
  },
  {
    text = "[Ff]orbidden",
    verdict = "never",
    kind = "unauthorised",
    means = "forbidden",
    hint = "kubectl auth can-i --list shows what these credentials may do",
  },
  {
    text = "cluster unreachable.*x509",
    verdict = "never",
    kind = "unreachable",
    means = "its certificate is not trusted",
  },
  {
    text = "cluster unreachable.*connection refused",
    verdict = "later",
    means = "the API server is stopped or starting",
    hint = API,
    silent = true,
  },
  {
    text = "cluster unreachable.*dial tcp",
    verdict = "later",
    means = "the API server is out of reach",
    hint = API,
    silent = true,
  },
  { text = "cluster unreachable", verdict = "later", means = "the API server is out of reach", hint = API },
  -- helm prints what the API server says, without its status: any reason may follow.
  { text = "failed to list", verdict = "ask", means = "the API server did not give helm's records", hint = API },
  { text = "failed to query", verdict = "ask", means = "the API server did not give helm's records", hint = API },
  { text = "failed to get", verdict = "ask", means = "the API server did not give helm's records", hint = API },
  { text = "context deadline exceeded", verdict = "ask", means = "no answer in time", hint = AGAIN },
  { text = "[Tt]imed? ?out", verdict = "ask", means = "no answer in time", hint = AGAIN },
  { text = "EOF", verdict = "ask", means = "the connection broke", hint = AGAIN },
  { text = "connection re[sf]", verdict = "ask", means = "the connection broke", hint = AGAIN },
  { text = "broken pipe", verdict = "ask", means = "the connection broke", hint = AGAIN },
  { text = "connection lost", verdict = "ask", means = "the connection broke", hint = AGAIN },
  { text = "http2: ", verdict = "ask", means = "the connection broke", hint = AGAIN },
  { text = "dial tcp", verdict = "ask", means = "the API server is out of reach", hint = AGAIN },
  { text = "server is currently unable", verdict = "ask", means = "the API server is not available", hint = AGAIN },
  { text = "starting up", verdict = "ask", means = "the API server is starting", hint = AGAIN },
  { text = "[Tt]oo many requests", verdict = "ask", means = "too many requests", hint = AGAIN },
  { text = "unable to return a response", verdict = "ask", means = "no answer in time", hint = AGAIN },
  { text = "an error on the server", verdict = "ask", means = "the API server failed inside", hint = AGAIN },
  { text = "[Ii]nternal ?[Ee]rror", verdict = "ask", means = "the API server failed inside", hint = AGAIN },
  { text = "failed calling webhook", verdict = "ask", means = "an admission webhook does not answer", hint = AGAIN },
  { text = "etcdserver", verdict = "ask", means = "etcd changes its leader", hint = AGAIN },
  { text = "object has been modified", verdict = "ask", means = "somebody else changed an object", hint = AGAIN },
}
