--- The other systems: the message broker, AWS, name servers, Alertmanager. Each is asked what a run would ask it first.

local clocks = require "o2x.doctor.clocks"
local dns = require "o2x.client.dns"
local errors = require "o2x.base.error"
local policy = require "o2x.policy"

local M = {}

local function by_policy(this, system)
  for _, one in ipairs(policy.SYSTEMS) do
    if one.name == system then
      return ("o2x policy %s --system=%s, then: %s"):format(
        this.tenant.name,
        system,
        one.apply:gsub("%%s", "o2x-" .. this.tenant.name)
      )
    end
  end
end

local broker = { name = "Message broker", from = { "broker" } }

--- Asks the broker for the tenant's queues.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function broker.check(this, note)
  local o = this.config.broker
  local client = this.client "broker"
  local prefix = (this.grants.broker or {})[1]
  if not prefix then return note:fact("%s is not asked: the tenant has no id yet", o.url or "") end
  local found = client:queues(prefix)
  local count = 0
  for _ in pairs(found) do
    count = count + 1
  end
  note:fact("%s as %s, %d queues of %s", o.url, o.user, count, (prefix:gsub("%.$", "")))
end

-- AWS does not know who asks: no right is missing.
local WRONG_KEYS <const> = {
  "ExpiredToken",
  "IncompleteSignature",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "SignatureDoesNotMatch",
  "UnrecognizedClient",
}
-- What is said of the keys, of the clock, of all that is asked: it is mended once. A region that there is not has no
-- address.
local COMMON <const> = {
  "ExpiredToken",
  "RequestExpired",
  "RequestTimeTooSkewed",
  "RequestInTheFuture",
  "TokenRefreshRequired",
  "Throttling",
  "ServiceUnavailable",
  "HTTP 503",
}
local REGION_IS <const> = "the region may be wrong: %s; export AWS_REGION=REGION"
local KEYS_ARE <const> = "correct both keys: they are from %s; aws sts get-caller-identity shows whose they are"

local aws = { name = "AWS", from = { "rds", "s3", "dns" } }

local function word_in(text, list)
  for _, word in ipairs(list) do
    if text:find(word, 1, true) then return word end
  end
end

-- Each read that a run begins with; what is denied is a right that is missing.
--- Asks AWS for what a run reads first.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function aws.check(this, note)
  local mend = by_policy(this, "aws")
  local grants, who = this.grants, require("o2x.client.aws.credentials.explain").source(this.config)
  note:fact("%s, keys from %s", this.config.aws.endpoint or "Amazon", who.keys)
  local keys = who.keys:gsub("^AWS_ACCESS_KEY_ID$", "%0 and AWS_SECRET_ACCESS_KEY")
  local denied, first_denied = {}, nil
  local function try(what, fn)
    local ok, err = xpcall(fn, errors.handler)
    if ok then return end
    err = errors.wrap(err)
    local text = tostring(err)
    local word = word_in(text, WRONG_KEYS)
    if word then return note:finding(text, KEYS_ARE:format(keys), 4, "AWS: " .. word) end
    word = word_in(text, COMMON)
    if err.kind == "unauthorised" and not word then
      denied[#denied + 1], first_denied = what, first_denied or text
    elseif err.code == "dns" then
      note:finding(text, REGION_IS:format(this.config.aws.region or "none is set"), 4, "AWS: dns")
    else
      note:error(err, "check the keys and the region: o2x config explain", word and "AWS: " .. word)
    end
  end
  if grants.rds and grants.rds.instance then
    try("describe the database server", function()
      local instance = this.client("aws.rds"):instance(grants.rds.instance)
      if not instance then
        note:finding(
          ("RDS has no instance %s"):format(grants.rds.instance),
          "correct database.instance in platform.yaml, or the region: export AWS_REGION=REGION"
        )
      end
    end)
  end
  if grants.dns and grants.dns[1] then
    try("list hosted zones", function() this.client("aws.route53"):zone_of(grants.dns[1]) end)
  end
  for _, place in ipairs(grants.s3 or {}) do
    local bucket, prefix = place:match "^([^/]+)/(.*)$"
    try("list " .. place, function() this.client("aws.s3"):list(bucket, prefix) end)
  end
  if first_denied then note:finding(("may not %s: %s"):format(table.concat(denied, ", "), first_denied), mend, 4) end
end

local names = { name = "DNS", from = { "dns" } }

--- Asks each name server for the tenant's domain.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function names.check(this, note)
  local servers = this.config.dns.servers
  local domain = this.grants.dns[1]
  for _, server in ipairs(servers or { false }) do
    local question = { name = domain, type = "A", servers = server and { server } or nil, timeout = 2, tries = 1 }
    local whose = server or "the system's name servers"
    local ok, answer = xpcall(dns.query, errors.handler, question)
    if ok then
      note:fact("%s: %s is %s", whose, domain, answer.rcode == "NOERROR" and "known" or answer.rcode)
    else
      note:error(answer, server and "correct dns.servers: export O2X_DNS_SERVERS=HOST" or "look at /etc/resolv.conf")
    end
  end
end

local alerts = { name = "Alertmanager", from = { "k8s" }, through = true }

--- Asks Alertmanager for its silences.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function alerts.check(this, note)
  local monitoring = this.tenant.platform and this.tenant.platform.monitoring
  if not monitoring then return note:fact "platform.yaml names none" end
  local service = monitoring.alertmanager or "alertmanager-operated"
  local o = { path = "/api/v2/silences", namespace = monitoring.namespace, shared = true, timeout = this.seconds }
  local answer = this.client("k8s"):request(service, 9093, o)
  if answer.status ~= 200 then
    return note:finding(
      ("%s/%s answers HTTP %d"):format(monitoring.namespace, service, answer.status),
      ("kubectl -n %s get pods"):format(monitoring.namespace),
      answer.status >= 500 and 4 or 2
    )
  end
  note:fact("%s/%s", monitoring.namespace, service)
  clocks.compare(note, clocks.of_header(answer.headers and answer.headers.date), "Alertmanager")
end

M.LIST = { broker, aws, names, alerts }

return M
