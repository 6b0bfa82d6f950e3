{{/* Passwords and tokens come from Secrets only: a values file is in git. */}}
{{- define "common.env" -}}
{{- $app := .Values.app -}}
- name: TENANT_ID
  value: {{ required "app.tenantId, such as TIDLT-100008" $app.tenantId | quote }}
- name: TENANT_NAME
  value: {{ include "common.tenant" . | quote }}
{{- with $app.env }}
- name: APP_ENV
  value: {{ . | quote }}
{{- end }}
- name: SPRING_PROFILES_ACTIVE
  value: {{ $app.spring.profile | default "pg" | quote }}
- name: SERVER_PORT
  value: {{ $app.spring.port | default 8080 | quote }}
- name: METRICS_PORT
  value: {{ .Values.service.metricsPort | quote }}
- name: SPRING_DATASOURCE_URL
  value: {{ required "app.postgres.url" $app.postgres.url | quote }}
- name: SPRING_DATASOURCE_USERNAME
  {{- include "common.secret" (list $app.postgres.secret "username") | nindent 2 }}
- name: SPRING_DATASOURCE_PASSWORD
  {{- include "common.secret" (list $app.postgres.secret "password") | nindent 2 }}
- name: VAULT_TOKEN
  {{- include "common.secret" (list $app.vault.secret "token") | nindent 2 }}
{{- with $app.vault.api }}
- name: VAULT_API
  value: {{ . | quote }}
{{- end }}
{{- with $app.license }}
- name: LICENSE_VAULT_API
  value: {{ .vault.api | quote }}
- name: LICENSE_VAULT_PATH
  value: {{ .vault.path | quote }}
{{- end }}
{{- range $key, $on := $app.features }}
- name: FEATURE_{{ snakecase $key | upper }}
  value: {{ $on | quote }}
{{- end }}
{{- range $app.envMap }}
- name: {{ .name }}
  value: {{ .value | quote }}
{{- end }}
{{- end -}}

{{- define "common.secret" -}}
valueFrom:
  secretKeyRef:
    name: {{ index . 0 }}
    key: {{ index . 1 }}
{{- end -}}
