--- Writes a small chart into a folder: a Deployment and a Service, labelled as the platform's charts label theirs.

local fs = require "o2x.base.fs"

local M = {}

local DEPLOYMENT = [[
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {app: {{ .Release.Name }}, tenant: {{ .Values.tenant }}}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {app: {{ .Release.Name }}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}, tenant: {{ .Values.tenant }}}
    spec:
      containers:
      - name: app
        image: {{ .Values.image | quote }}
        ports: [{containerPort: 8080}]
        resources: {limits: {cpu: 1000m}}
        env:
        - name: LEVEL
          value: {{ .Values.level | quote }}
]]

local SERVICE = [[
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
  labels: {app: {{ .Release.Name }}, tenant: {{ .Values.tenant }}}
spec:
  selector: {app: {{ .Release.Name }}}
  ports: [{name: http, port: 8080}]
]]

local VALUES = "tenant: t1\nreplicas: 2\nimage: example/app:v1\nlevel: INFO\n"

---@param folder string
---@param templates table<string, string>? file name → text, added to the two or in their place
---@param version string? 0.1.0 if absent
---@return string folder
function M.write(folder, templates, version)
  local files = { ["deployment.yaml"] = DEPLOYMENT, ["service.yaml"] = SERVICE }
  for name, text in pairs(templates or {}) do
    files[name] = text
  end
  fs.write(
    fs.join(folder, "Chart.yaml"),
    ('apiVersion: v2\nname: app\nversion: %s\nappVersion: "1.0"\n'):format(version or "0.1.0"),
    { parents = true }
  )
  fs.write(fs.join(folder, "values.yaml"), VALUES)
  for name, text in pairs(files) do
    fs.write(fs.join(folder, "templates", name), text, { parents = true })
  end
  return folder
end

return M
