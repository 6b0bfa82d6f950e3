--- Texts that the charts of the cases are made of.

local M = {}

--- A ConfigMap as a template.
---@param name string
---@param data string? its data, in braces; by default the value `level`
---@param more string? further fields of its metadata
---@return string
function M.map(name, data, more)
  return ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s%s}\ndata: {%s}\n"):format(
    name,
    more and ", " .. more or "",
    data or "level: {{ .Values.level | quote }}"
  )
end

--- A ConfigMap that is a hook.
---@param name string
---@param events string
---@param more string? further annotations
---@return string
function M.hook(name, events, more)
  return M.map(name, nil, ('annotations: {"helm.sh/hook": "%s"%s}'):format(events, more and ", " .. more or ""))
end

--- A Chart.yaml.
---@param name string
---@param more string? further lines
---@return string
function M.chart(name, more) return ("apiVersion: v2\nname: %s\nversion: 1.0.0\n%s"):format(name, more or "") end

return M
