--- Onboarding: from a signed contract to serving traffic. The steps follow the chapters of the platform guide; stdlib/
--- implements them.

local admin = require "stdlib.admin"
local cluster = require "stdlib.cluster"
local customisation = require "stdlib.customisation"
local database = require "stdlib.database"
local deploy = require "stdlib.deploy"
local handoff = require "stdlib.handoff"
local ingress = require "stdlib.ingress"
local integrations = require "stdlib.integrations"
local messaging = require "stdlib.messaging"
local monitoring = require "stdlib.monitoring"
local preflight = require "stdlib.preflight"
local registry = require "stdlib.registry"
local runbook = require "o2x.runbook"
local services = require "stdlib.services"
local smoke = require "stdlib.smoke"
local values = require "stdlib.values"

-- The tenant's rows: each step needs the one before it.
local function make_database(tenant)
  step("Create the database", database.create, tenant)
  step("Migrate the database", database.migrate, tenant)
  step("Register the tenant", registry.register, tenant)
  step("Configure the integrations", integrations.configure, tenant)
  step("Apply the tenant's customisation", customisation.apply, tenant)
end

-- The first releases are rendered while the rest is made.
local function write_values(tenant, params)
  step("Write the Helm values", values.write, tenant, params)
  deploy.prepare(tenant)
end

-- What the services need beside their database.
local function make_surroundings(tenant)
  step("Store the credentials in Vault", integrations.store_credentials, tenant)
  step("Create the queues", messaging.create, tenant)
  step("Create the data volume", cluster.volume, tenant)
  step("Ensure the shared secrets", cluster.shared_secrets, tenant)
end

local function start_services(tenant, params)
  step("Deploy", deploy.all, tenant, params.timeout)
  step("Verify the services", deploy.verify, tenant)
end

-- Certificate and name servers take their time, and need the load balancer only.
local function publish(tenant)
  step("Create the ingress", ingress.create, tenant)
  step("Create the DNS records", ingress.records, tenant)
end

local function test(tenant)
  local session = admin.session(tenant)
  step("Run the test customer workflow", smoke.workflow, tenant, session)
  step("Smoke test", smoke.checklist, tenant, session)
end

return runbook {
  name = "onboard",
  version = "1.0.0",
  api = 1,
  summary = "Bring a new tenant from a signed contract to serving traffic",
  help = [[
Why:     a contract is signed, or the tenant file or its secrets have changed.
Does:    creates everything a tenant needs: id, database, credentials, values files, releases, DNS, admin user,
         monitoring and documents. Checks all prerequisites first. Run it again at any time: it changes only what
         differs from the tenant file.
Needs:   tenants/TENANT.yaml, and the secrets of its integrations (--secrets=FILE, or already in Vault)
Before:  o2x plan onboard TENANT shows every change, and makes none
Verify:  o2x plan onboard TENANT (no changes); o2x run smoke TENANT
Undo:    o2x undo RUN shows what goes back and what cannot, --confirm=TENANT does it; o2x run rollback for releases
         alone. A failed run goes on with o2x resume.]],
  params = {
    image = {
      "version",
      optional = true,
      help = "image tag of services without a values file; default: the tenant's, then the platform's",
    },
    from = { "tenant", optional = true, help = "copy Helm values from this tenant instead of the catalogue" },
    admin = {
      "choice",
      default = "keep",
      choices = { "keep", "reset" },
      help = "reset: give the administrator a new password, in the database and in Vault",
    },
    timeout = { "duration", default = services.TIMEOUT, help = "for one release to become ready" },
  },
  effects = {
    "pg:write",
    "vault:write",
    "files:write",
    "helm:write",
    "k8s:write",
    "dns:write",
    "broker:write",
    "service:write",
  },

  run = function(tenant, params)
    step("Check the prerequisites", preflight.onboard, tenant, params)
    tenant.id = step("Allocate the tenant id", registry.allocate, tenant)
    parallel {
      function() make_database(tenant) end,
      function() make_surroundings(tenant) end,
      function() write_values(tenant, params) end,
    }
    parallel {
      function() start_services(tenant, params) end,
      function() step("Create the admin user", admin.create, tenant, params) end,
      function() publish(tenant) end,
    }
    step("Verify DNS and HTTPS", ingress.verify, tenant)
    parallel {
      function() test(tenant) end,
      function() step("Set up monitoring and alerts", monitoring.create, tenant) end,
    }
    step("Write the handoff documents", handoff.write, tenant)
  end,
}
