--- Kubernetes: who we are to the API server, what we may not do there, credential plugins, its certificate, helm.

local certificate = require "o2x.doctor.certificate"
local clocks = require "o2x.doctor.clocks"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local k8s_rights = require "o2x.policy.rights.kubernetes"
local proc = require "o2x.base.proc"
local vault = require "o2x.doctor.vault"

local M = { name = "Kubernetes", from = { "k8s" } }

local WHO <const> = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

local function who(client, seconds)
  local status, answer =
    k8s_rights.ask(client, WHO, { apiVersion = "authentication.k8s.io/v1", kind = "SelfSubjectReview" }, seconds)
  local user = status < 300 and answer.status and answer.status.userInfo
  return user and user.username
end

local function check_helm(note, config)
  local program = config.helm.command
  if not proc.exists(program) then
    return note:finding(("%s is not on PATH: releases need it"):format(program), "install helm 3: https://helm.sh")
  end
  local answer = proc.run { argv = { program, "version", "--short" }, timeout = 5 }
  local version = answer.stdout:match "v?(%d+%.%d+[%d.]*)"
  if not version then
    return note:finding(("%s version says nothing"):format(program), "install helm 3: https://helm.sh")
  end
  note:fact("helm %s", version)
  if version:match "^%d+" ~= "3" then note:finding(("helm %s is not helm 3"):format(version), "install helm 3") end
end

--- Checks the API server.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function M.check(this, note)
  note:try(nil, check_helm, note, this.config)
  local config = this.client "kubeconfig"
  local client = this.client "k8s"
  local answer = client:request_once("GET", "/version", { timeout = this.seconds })
  if answer.status == 401 then
    return note:finding(
      ("%s rejects the credentials of context %s"):format(config.server, config.context),
      "kubectl config get-contexts; log in again as your cluster asks for it",
      4
    )
  end
  if answer.status ~= 200 then
    errors.raise { kind = "unreachable", message = ("%s answers HTTP %d"):format(config.server, answer.status) }
  end
  local ok, version = pcall(json.read, answer.body)
  note:fact("%s, context %s, %s", config.server, config.context, ok and version.gitVersion or "?")
  local name = who(client, this.seconds)
  if name then note:fact("as %s", name) end
  clocks.compare(note, clocks.of_header(answer.headers.date), config.server)
  local host, port, scheme = vault.host_and_port(config.server)
  if scheme == "https" then certificate.look(note, host, port) end
  note:add(k8s_rights.missing(this))
end

return M
