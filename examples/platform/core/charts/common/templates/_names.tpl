{{/* TENANT-SERVICE, as the platform names everything: newclient-service-billing */}}
{{- define "common.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/*
The tenant. The gateways' values do not name it, so it is what is left of the full name without the chart's own;
where app.tenantName is given it has to agree, or one tenant's pods would answer under another's label.
*/}}
{{- define "common.tenant" -}}
{{- $fullname := include "common.fullname" . -}}
{{- $suffix := printf "-%s" .Chart.Name -}}
{{- if not (hasSuffix $suffix $fullname) -}}
{{- fail (printf "fullnameOverride %q is not TENANT%s" $fullname $suffix) -}}
{{- end -}}
{{- $tenant := trimSuffix $suffix $fullname -}}
{{- if ne $tenant (.Values.app.tenantName | default $tenant) -}}
{{- fail (printf "app.tenantName %q and fullnameOverride %q are of different tenants" .Values.app.tenantName $fullname) -}}
{{- end -}}
{{- $tenant -}}
{{- end -}}

{{/* What a Deployment and a Service select by: these never change, or an upgrade would be refused. */}}
{{- define "common.selector" -}}
app: {{ include "common.fullname" . }}
tenant: {{ include "common.tenant" . }}
{{- end -}}

{{- define "common.labels" -}}
{{ include "common.selector" . }}
service: {{ .Chart.Name }}
tier: {{ .Values.tier }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}
