--- What a picture leaves out because it differs between two honest runs from the same start, each with its reason. What
--- is in no rule counts as a difference.

local M = {}

---@class lab.picture.rule
---@field part string
---@field path string where in an item: names, * for any one name or place in a list, ** at the end for all below
---@field item string? pattern of the item's name; all items of the part if absent
---@field as "left out"|"whether set"|"generated" what is kept: nothing; that something is there; which texts are equal
---@field reason string

---@type lab.picture.rule[]
M.LIST = {
  -- Kubernetes
  { part = "k8s", path = "metadata uid", as = "left out", reason = "drawn at random for each object" },
  {
    part = "k8s",
    path = "metadata resourceVersion",
    as = "left out",
    reason = "counts the writes of the whole cluster",
  },
  { part = "k8s", path = "metadata creationTimestamp", as = "left out", reason = "a time" },
  { part = "k8s", path = "metadata deletionTimestamp", as = "whether set", reason = "a time" },
  { part = "k8s", path = "metadata managedFields * time", as = "left out", reason = "a time" },
  {
    part = "k8s",
    path = "metadata ownerReferences * uid",
    as = "left out",
    reason = "drawn at random; the name is kept",
  },
  { part = "k8s", path = "metadata labels modifiedAt", as = "left out", reason = "a time that helm writes" },
  { part = "k8s", path = "status conditions * lastTransitionTime", as = "left out", reason = "a time" },
  { part = "k8s", path = "status conditions * lastUpdateTime", as = "left out", reason = "a time" },
  { part = "k8s", path = "status conditions * lastProbeTime", as = "left out", reason = "a time" },
  { part = "k8s", path = "status startTime", as = "whether set", reason = "a time" },
  { part = "k8s", path = "status completionTime", as = "whether set", reason = "a time" },
  { part = "k8s", path = "status lastScheduleTime", as = "whether set", reason = "a time" },
  { part = "k8s", path = "status lastSuccessfulTime", as = "whether set", reason = "a time" },
  { part = "k8s", path = "status lastScaleTime", as = "whether set", reason = "a time" },
  { part = "k8s", path = "status notBefore", as = "whether set", reason = "a time" },
  { part = "k8s", path = "status notAfter", as = "whether set", reason = "a time" },
  { part = "k8s", path = "status renewalTime", as = "whether set", reason = "a time" },
  {
    part = "k8s",
    path = "status observedGeneration",
    as = "left out",
    reason = "follows the generation, which is kept",
  },
  {
    part = "k8s",
    path = "status conditions * observedGeneration",
    as = "left out",
    reason = "follows the generation, which is kept",
  },
  { part = "k8s", item = "^Pod ", path = "metadata name", as = "left out", reason = "ends in random letters" },
  { part = "k8s", item = "^Pod ", path = "spec nodeName", as = "left out", reason = "the scheduler's choice" },
  { part = "k8s", item = "^Pod ", path = "status podIP", as = "whether set", reason = "the next free address" },
  { part = "k8s", item = "^Pod ", path = "status podIPs **", as = "left out", reason = "the next free address" },
  { part = "k8s", item = "^Pod ", path = "status hostIP", as = "whether set", reason = "the scheduler's choice" },
  { part = "k8s", item = "^Pod ", path = "status hostIPs **", as = "left out", reason = "the scheduler's choice" },
  { part = "k8s", item = "^Pod ", path = "status containerStatuses * containerID", as = "left out", reason = "random" },
  { part = "k8s", item = "^Pod ", path = "status containerStatuses * state **", as = "left out", reason = "times" },
  { part = "k8s", item = "^Pod ", path = "status containerStatuses * lastState **", as = "left out", reason = "times" },
  { part = "k8s", item = "^Service ", path = "spec clusterIP", as = "whether set", reason = "the next free address" },
  { part = "k8s", item = "^Service ", path = "spec clusterIPs **", as = "left out", reason = "the next free address" },
  {
    part = "k8s",
    item = "^Service ",
    path = "spec ports * nodePort",
    as = "whether set",
    reason = "the next free port",
  },
  { part = "k8s", item = "^Service ", path = "status loadBalancer **", as = "left out", reason = "made from the uid" },
  { part = "k8s", item = "^Ingress ", path = "status loadBalancer **", as = "left out", reason = "made from the uid" },
  { part = "k8s", item = "^Endpoint", path = "metadata name", as = "left out", reason = "ends in a part of the uid" },
  {
    part = "k8s",
    item = "^Endpoint",
    path = "metadata generation",
    as = "left out",
    reason = "counts changes of pods",
  },
  {
    part = "k8s",
    item = "^Endpoint",
    path = "metadata annotations endpoints.kubernetes.io/last-change-trigger-time",
    as = "left out",
    reason = "a time",
  },
  {
    part = "k8s",
    item = "^Endpoint",
    path = "subsets * addresses * **",
    as = "left out",
    reason = "addresses of pods",
  },
  {
    part = "k8s",
    item = "^Endpoint",
    path = "endpoints * addresses **",
    as = "left out",
    reason = "addresses of pods",
  },
  {
    part = "k8s",
    item = "^Endpoint",
    path = "endpoints * nodeName",
    as = "left out",
    reason = "the scheduler's choice",
  },
  { part = "k8s", item = "^Endpoint", path = "endpoints * targetRef **", as = "left out", reason = "names of pods" },
  { part = "k8s", item = "^PersistentVolume", path = "metadata name", as = "left out", reason = "made from the uid" },
  {
    part = "k8s",
    item = "^PersistentVolume",
    path = "spec volumeName",
    as = "whether set",
    reason = "made from the uid",
  },
  { part = "k8s", item = "^PersistentVolume", path = "spec claimRef uid", as = "left out", reason = "random" },
  {
    part = "k8s",
    item = "^PersistentVolume",
    path = "spec claimRef resourceVersion",
    as = "left out",
    reason = "counts the writes of the whole cluster",
  },
  {
    part = "k8s",
    item = "^PersistentVolume",
    path = "spec csi volumeHandle",
    as = "left out",
    reason = "from the uid",
  },
  { part = "k8s", item = "^Secret ", path = "data tls.crt", as = "whether set", reason = "a fresh signature" },
  { part = "k8s", item = "^Secret ", path = "data tls.key", as = "whether set", reason = "a fresh key" },
  -- the record of a helm release, decoded
  { part = "helm", path = "info first_deployed", as = "left out", reason = "a time" },
  { part = "helm", path = "info last_deployed", as = "left out", reason = "a time" },
  { part = "helm", path = "info deleted", as = "left out", reason = "a time" },
  { part = "helm", path = "hooks * last_run **", as = "left out", reason = "times" },
  {
    part = "helm",
    path = "chart **",
    as = "left out",
    reason = "large; its manifest is kept, and it has its files' times",
  },
  -- Vault
  { part = "vault", path = "created_time", as = "left out", reason = "a time" },
  { part = "vault", path = "updated_time", as = "left out", reason = "a time" },
  { part = "vault", path = "versions * created_time", as = "left out", reason = "a time" },
  { part = "vault", path = "versions * deletion_time", as = "whether set", reason = "a time" },
  { part = "vault", path = "versions * data password", as = "generated", reason = "a password that a run draws" },
  { part = "vault", path = "versions * data decrypt_key", as = "generated", reason = "a key that a run draws" },
  { part = "vault", item = "^auth ", path = "accessor", as = "left out", reason = "drawn at random" },
  { part = "vault", item = "^auth ", path = "roles * role_id", as = "whether set", reason = "drawn at random" },
  { part = "vault", item = "^auth ", path = "roles * secret_ids **", as = "left out", reason = "drawn at random" },
  -- AWS
  { part = "aws", item = "^zone ", path = "id", as = "left out", reason = "drawn at random" },
  { part = "aws", item = "^object ", path = "modified", as = "left out", reason = "a time" },
  { part = "aws", item = "^database ", path = "created", as = "left out", reason = "a time" },
  { part = "aws", item = "^bucket ", path = "created", as = "left out", reason = "a time" },
  -- the broker
  { part = "broker", path = "messages * at", as = "left out", reason = "a time" },
  { part = "broker", path = "messages * id", as = "left out", reason = "counts the messages of the whole broker" },
  -- alerts
  { part = "alerts", path = "startsAt", as = "left out", reason = "a time" },
  { part = "alerts", path = "endsAt", as = "left out", reason = "a time" },
  { part = "alerts", path = "updatedAt", as = "left out", reason = "a time" },
  { part = "alerts", path = "id", as = "left out", reason = "drawn at random" },
  -- services
  { part = "services", path = "requests", as = "left out", reason = "counts reads too; writes are in the log" },
  { part = "services", path = "token_key", as = "left out", reason = "drawn at random" },
  { part = "services", path = "users * salt", as = "whether set", reason = "drawn at random" },
  { part = "services", path = "users * hash", as = "whether set", reason = "of a random salt" },
}

--- Column values that a picture of PostgreSQL leaves out: by type, or by table and column.
M.POSTGRES = {
  types = {
    ["timestamp without time zone"] = "a time",
    ["timestamp with time zone"] = "a time",
  },
  columns = {
    ["core_config.users.password"] = "a hash with a random salt",
    ["flyway_schema_history.execution_time"] = "a duration",
  },
}

return M
