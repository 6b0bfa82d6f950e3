--- Services of the tenant. A service that failed inside may have done half of what it was asked to do.

return {
  {
    status = "^500$",
    verdict = "reads",
    means = "it failed inside",
    hint = "its log says why: kubectl logs deployment/NAME",
  },
}
