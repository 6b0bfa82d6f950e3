--- cert-manager: creates a Certificate for an annotated ingress, and a Secret signed by the lab for a Certificate.
local conditions = require "lab.k8s.conditions"
local manager = require "lab.k8s.controller_manager"
local crypto = require "o2x.base.crypto"
local events = require "lab.k8s.events"
local task = require "o2x.base.task"
local value = require "lab.k8s.value"

local M = {}

local CERTIFICATES = "cert-manager.io/certificates"
local LIFETIME = 90 * 86400

local function issuer_of(ingress)
  local annotations = value.get(ingress, "metadata", "annotations") or {}
  local cluster, plain = annotations["cert-manager.io/cluster-issuer"], annotations["cert-manager.io/issuer"]
  if cluster then return { name = cluster, kind = "ClusterIssuer", group = "cert-manager.io" } end
  if plain then return { name = plain, kind = "Issuer", group = "cert-manager.io" } end
end

local function wanted_certificate(ingress, tls, issuer)
  return {
    secretName = tls.secretName,
    dnsNames = value.copy(tls.hosts),
    issuerRef = issuer,
    usages = value.array { "digital signature", "key encipherment" },
  }
end

local function from_ingress(ctl, namespace, name)
  local ingress = ctl.store:get("networking.k8s.io/ingresses", namespace, name)
  local issuer = ingress and issuer_of(ingress)
  if not issuer then return end
  for _, tls in ipairs(value.get(ingress, "spec", "tls") or {}) do
    local old = tls.secretName and ctl.store:get(CERTIFICATES, namespace, tls.secretName)
    local spec = wanted_certificate(ingress, tls, issuer)
    if tls.secretName and not old then
      ctl:make(CERTIFICATES, {
        apiVersion = "cert-manager.io/v1",
        kind = "Certificate",
        spec = spec,
        metadata = {
          name = tls.secretName,
          namespace = namespace,
          labels = ingress.metadata.labels,
          generation = 1,
          ownerReferences = manager.owned_by(ingress),
        },
      })
      events.record(
        ctl.store,
        ingress,
        "cert-manager-ingress-shim",
        "Normal",
        "CreateCertificate",
        ("Successfully created Certificate %q"):format(tls.secretName)
      )
    elseif old and not value.equal(old.spec, spec) and old.metadata.ownerReferences then
      ctl:change(CERTIFICATES, old, function(copy)
        copy.spec, copy.metadata.generation = spec, (copy.metadata.generation or 1) + 1
      end)
    end
  end
end

local function condition(ctl, certificate, ok, reason, message)
  return manager.condition(value.get(certificate, "status", "conditions"), {
    type = "Ready",
    status = ok and "True" or "False",
    reason = reason,
    message = message,
    observedGeneration = certificate.metadata.generation,
  }, ctl.store:time())
end

local function not_ready(ctl, certificate, reason, message)
  ctl:set_status(
    CERTIFICATES,
    certificate,
    { conditions = value.array {
      condition(ctl, certificate, false, reason, message),
    } }
  )
end

local function find_issuer(ctl, certificate)
  local ref = certificate.spec.issuerRef or {}
  local cluster = ref.kind == "ClusterIssuer"
  return ctl.store:get(
    "cert-manager.io/" .. (cluster and "clusterissuers" or "issuers"),
    not cluster and certificate.metadata.namespace or nil,
    ref.name or ""
  ),
    ref
end

local function keep_secret(ctl, certificate, pair)
  local meta, name = certificate.metadata, certificate.spec.secretName
  local data = { ["tls.crt"] = crypto.base64(pair.cert), ["tls.key"] = crypto.base64(pair.key) }
  local annotations = {
    ["cert-manager.io/certificate-name"] = meta.name,
    ["cert-manager.io/common-name"] = certificate.spec.commonName or (certificate.spec.dnsNames or {})[1],
    ["cert-manager.io/alt-names"] = table.concat(certificate.spec.dnsNames or {}, ","),
    ["cert-manager.io/issuer-name"] = value.get(certificate, "spec", "issuerRef", "name"),
  }
  local old = ctl.store:get("/secrets", meta.namespace, name)
  if old then
    ctl:change("/secrets", old, function(copy) copy.data = data end)
  else
    ctl:make("/secrets", {
      apiVersion = "v1",
      kind = "Secret",
      type = "kubernetes.io/tls",
      data = data,
      metadata = {
        name = name,
        namespace = meta.namespace,
        annotations = annotations,
        ownerReferences = manager.owned_by(certificate), -- as with --enable-certificate-owner-ref
      },
    })
  end
end

local function issued(ctl, namespace, name, pair)
  local certificate = ctl.store:get(CERTIFICATES, namespace, name)
  if not certificate then return end
  keep_secret(ctl, certificate, pair)
  local now = ctl.store.clock()
  events.record(
    ctl.store,
    certificate,
    "cert-manager-certificates-issuing",
    "Normal",
    "Issuing",
    "The certificate has been successfully issued"
  )
  ctl:set_status(CERTIFICATES, certificate, {
    revision = 1,
    notBefore = value.time(now),
    notAfter = value.time(now + LIFETIME),
    renewalTime = value.time(now + LIFETIME * 2 // 3),
    conditions = value.array {
      condition(ctl, certificate, true, "Ready", "Certificate is up to date and has not expired"),
    },
  })
end

-- signing runs another program, so it is a task of its own
local function sign(ctl, certificate)
  local meta, names = certificate.metadata, certificate.spec.dnsNames or { certificate.metadata.name }
  local id = meta.namespace .. "-" .. meta.name
  if ctl.signing[id] then return end
  ctl.signing[id] = task.spawn(function()
    local ok, pair = pcall(ctl.lab.certificate, "k8s-" .. id, names)
    ctl.signing[id] = nil
    if ok then
      issued(ctl, meta.namespace, meta.name, pair)
      ctl:run()
    else
      ctl.lab.log(("certificate %s: %s"):format(id, tostring(pair)))
    end
  end)
end

local function is_current(ctl, certificate)
  if not ctl.store:get("/secrets", certificate.metadata.namespace, certificate.spec.secretName) then return false end
  local ready = conditions.find(certificate, "Ready")
  return ready ~= nil and ready.status == "True" and ready.observedGeneration == certificate.metadata.generation
end

local function reconcile(ctl, namespace, name)
  local certificate = ctl.store:get(CERTIFICATES, namespace, name)
  if not certificate or is_current(ctl, certificate) then return end
  local issuer, ref = find_issuer(ctl, certificate)
  if not issuer then
    return not_ready(
      ctl,
      certificate,
      "DoesNotExist",
      ("Referenced %q not found: %s %q not found"):format(
        ref.kind or "Issuer",
        (ref.kind or "issuer"):lower() .. ".cert-manager.io",
        ref.name or ""
      )
    )
  end
  not_ready(ctl, certificate, "DoesNotExist", "Issuing certificate as Secret does not exist")
  sign(ctl, certificate)
end

local function retry_all(ctl)
  for _, certificate in ipairs(ctl.store:list(CERTIFICATES)) do
    ctl:enqueue("certificate", certificate.metadata.namespace, certificate.metadata.name)
  end
end

--- Registers the controllers of ingresses, certificates and issuers.
---@param ctl lab.k8s.Controllers
function M.register(ctl)
  ctl.signing = {}
  ctl:reconciler("certificate", CERTIFICATES, reconcile)
  ctl:reconciler("ingress-certificate", "networking.k8s.io/ingresses", from_ingress)
  ctl:on("cert-manager.io/clusterissuers", function() retry_all(ctl) end)
  ctl:on("cert-manager.io/issuers", function() retry_all(ctl) end)
  ctl:on("/secrets", function(change, secret)
    if change.type == "DELETED" and secret.type == "kubernetes.io/tls" then retry_all(ctl) end
  end)
end

return M
