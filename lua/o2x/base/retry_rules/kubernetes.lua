--- The API server's answers. `code` is the reason in the Status object.

local ACCESS <const> = "kubectl auth can-i --list shows what these credentials may do"
local ETCD <const> = "look at the control plane: kubectl get --raw '/readyz?verbose'"
local WEBHOOK <const> = "look at the webhook's pods: kubectl get validatingwebhookconfigurations,"
  .. "mutatingwebhookconfigurations"

return {
  {
    status = "^401$",
    verdict = "never",
    kind = "unauthorised",
    means = "the credentials are refused, also after they were read anew",
    hint = "the kubeconfig's credentials are wrong or expired",
  },
  {
    status = "^403$",
    text = "being terminated",
    verdict = "never",
    kind = "conflict",
    means = "the namespace is being deleted",
    hint = "wait until it is gone (kubectl get namespaces), then o2x resume",
  },
  {
    status = "^403$",
    text = "exceeded quota",
    verdict = "never",
    means = "the quota of the namespace is used up",
    hint = "kubectl describe resourcequota shows it; raise it, then o2x resume",
  },
  { status = "^403$", verdict = "never", kind = "unauthorised", means = "forbidden", hint = ACCESS },
  {
    status = "^409$",
    text = "object has been modified",
    verdict = "later",
    kind = "conflict",
    means = "somebody else changed the object meanwhile",
    hint = "kubectl get KIND NAME -o yaml --show-managed-fields shows who; then o2x resume",
  },
  {
    status = "^409$",
    text = "is being deleted",
    verdict = "later",
    kind = "conflict",
    means = "the object of that name is being deleted",
    hint = "kubectl get KIND NAME -o yaml shows which finalizer it waits for",
  },
  {
    status = "^409$",
    text = "StorageError: invalid object",
    verdict = "later",
    kind = "conflict",
    means = "the object was made anew meanwhile",
    hint = "kubectl get KIND NAME -o yaml shows its uid and age",
  },
  { status = "^409$", verdict = "never", kind = "conflict", means = "somebody else has it" },
  { status = "^410$", verdict = "never", means = "the version is too old; lists and watches begin again" },
  { status = "^422$", verdict = "never", means = "the object is invalid" },
  {
    status = "^429$",
    text = "disruption budget",
    verdict = "later",
    means = "a disruption budget forbids it now",
    hint = "kubectl get poddisruptionbudgets shows which pods are missing",
  },
  {
    status = "^429$",
    verdict = "later",
    means = "too many requests",
    hint = "kubectl get flowschemas,prioritylevelconfigurations shows the limits of the API server",
  },
  {
    status = "^500$",
    code = "^ServerTimeout$",
    verdict = "later",
    means = "the API server asks to try again",
    hint = ETCD,
  },
  {
    status = "^500$",
    text = "failed calling webhook",
    verdict = "later",
    means = "an admission webhook does not answer",
    hint = WEBHOOK,
  },
  { status = "^500$", text = "etcdserver", verdict = "ask", means = "etcd changes its leader", hint = ETCD },
  { status = "^500$", verdict = "ask", means = "the API server failed inside", hint = ETCD },
  { status = "^503$", verdict = "later", means = "the API server is not available", hint = ETCD },
  { status = "^504$", verdict = "ask", means = "the API server got no answer in time", hint = ETCD },
}
