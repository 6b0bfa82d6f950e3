-- Lists, selectors, pages, forms of an answer, watches, deletions of collections. See objects.lua for the fields.

local CORE <const> = "/api/v1/namespaces/answers/"
local APPS <const> = "/apis/apps/v1/namespaces/answers/"
local TABLE <const> = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
local PARTIAL_LIST <const> = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
local PARTIAL <const> = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"

local function labelled(name, labels)
  return { apiVersion = "v1", kind = "Secret", metadata = { name = name, labels = labels }, data = { a = "MQ==" } }
end

return {
  { "GET", CORE .. "secrets", why = "none" },
  { "GET", CORE .. "secrets", accept = TABLE, why = "none" },
  { "GET", CORE .. "secrets", accept = PARTIAL_LIST, why = "none" },
  {
    "POST",
    CORE .. "secrets",
    labelled("l1", { owner = "helm", name = "x", tier = "core" }),
    keep = { rv = "metadata.resourceVersion" },
  },
  { "POST", CORE .. "secrets", labelled("l2", { owner = "helm", name = "y" }) },
  { "POST", CORE .. "secrets", labelled("l3", { owner = "o2x" }) },
  { "GET", CORE .. "secrets?labelSelector=owner%3Dhelm%2Cname%3Dx&limit=50" },
  { "GET", CORE .. "secrets?labelSelector=owner%3Dhelm%2Cname+in+%28x%2Cz%29" },
  { "GET", CORE .. "secrets?labelSelector=owner%21%3Dhelm" },
  { "GET", CORE .. "secrets?labelSelector=%21tier" },
  { "GET", CORE .. "secrets?labelSelector=tier" },
  { "GET", CORE .. "secrets?labelSelector=name+notin+%28x%29" },
  { "GET", CORE .. "secrets?labelSelector=a%3D%3D%3Db", why = "no selector" },
  { "GET", CORE .. "secrets?labelSelector=a+in+x", why = "no selector" },
  { "GET", CORE .. "secrets?labelSelector=-a-%3Db", why = "no key" },
  { "GET", CORE .. "secrets?fieldSelector=metadata.name%3Dl2" },
  { "GET", CORE .. "secrets?fieldSelector=type%3DOpaque%2Cmetadata.name%21%3Dl1" },
  { "GET", CORE .. "secrets?fieldSelector=spec.nothing%3Dx" },
  { "GET", CORE .. "secrets?fieldSelector=nonsense" },
  { "GET", APPS .. "deployments?fieldSelector=spec.replicas%3D1" },
  { "GET", "/apis/cert-manager.io/v1/namespaces/answers/certificates?fieldSelector=spec.x%3D1" },
  { "GET", "/apis/cert-manager.io/v1/namespaces/answers/certificates" },
  { "GET", CORE .. "secrets?limit=2", keep = { continue = "metadata.continue" } },
  { "GET", CORE .. "secrets?limit=2&continue=%{continue}" },
  { "GET", CORE .. "secrets?limit=2&labelSelector=owner", why = "selected pages do not say how many are left" },
  { "GET", CORE .. "secrets?limit=2&continue=nonsense", why = "no token" },
  { "GET", CORE .. "secrets?limit=x" },
  { "GET", CORE .. "secrets?limit=-1" },
  { "GET", CORE .. "secrets?resourceVersion=0" },
  { "GET", CORE .. "secrets?resourceVersion=%{rv}" },
  { "GET", CORE .. "secrets?resourceVersion=x" },
  { "GET", CORE .. "secrets?resourceVersion=%{rv}&resourceVersionMatch=NotOlderThan" },
  { "GET", CORE .. "secrets?resourceVersionMatch=Exact" },
  {
    "GET",
    CORE .. "secrets?resourceVersion=99999999999",
    why = "a version to come",
  },
  { "GET", CORE .. "secrets", accept = PARTIAL_LIST },
  { "GET", CORE .. "secrets/l1", accept = PARTIAL },
  { "GET", CORE .. "secrets/l1", accept = TABLE },
  { "GET", CORE .. "secrets", accept = TABLE },
  { "GET", CORE .. "secrets?includeObject=None", accept = TABLE },
  { "GET", CORE .. "secrets?includeObject=Object", accept = TABLE },
  { "GET", CORE .. "secrets/absent", accept = TABLE },
  { "GET", CORE .. "secrets", accept = "text/plain" },
  { "GET", CORE .. "secrets", accept = "application/json;as=Table;v=v9;g=meta.k8s.io" },
  { "GET", CORE .. "secrets/l1", accept = "application/json;as=Nothing;v=v1;g=meta.k8s.io" },
  { "GET", CORE .. "secrets/l1", accept = "*/*" },
  -- watches
  { "GET", CORE .. "secrets?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dl1&resourceVersion=0" },
  { "GET", CORE .. "secrets?watch=1&timeoutSeconds=1&resourceVersion=%{rv}", why = "from a version on" },
  { "GET", CORE .. "secrets?watch=1&timeoutSeconds=1&resourceVersion=%{rv}&labelSelector=owner%3Do2x", accept = TABLE },
  { "GET", CORE .. "secrets?watch=1&timeoutSeconds=1&resourceVersion=x" },
  {
    "GET",
    CORE
      .. "secrets?watch=1&timeoutSeconds=1&sendInitialEvents=true"
      .. "&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
  },
  { "GET", CORE .. "secrets?watch=1&timeoutSeconds=1&sendInitialEvents=true" },
  {
    "GET",
    CORE .. "secrets?watch=1&timeoutSeconds=4&allowWatchBookmarks=true&resourceVersion=%{rv}&labelSelector=owner%3Do2x",
    why = "with a bookmark",
  },
  { "GET", CORE .. "secrets/l1?watch=1&timeoutSeconds=1", why = "of an object" },
  -- collections
  { "DELETE", CORE .. "secrets?labelSelector=owner%3Dhelm&dryRun=All" },
  { "DELETE", CORE .. "secrets?labelSelector=owner%3Dhelm" },
  { "DELETE", CORE .. "secrets?labelSelector=owner%3Dnobody" },
  { "DELETE", CORE .. "secrets?labelSelector=%3D%3D" },
  { "DELETE", CORE .. "services", why = "all Services" },
  { "DELETE", "/api/v1/secrets", why = "of all namespaces" },
  { "PUT", CORE .. "secrets", labelled("l1") },
  { "GET", CORE .. "secrets" },
}
