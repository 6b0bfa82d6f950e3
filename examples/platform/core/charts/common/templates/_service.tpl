{{- define "common.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "common.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "common.labels" . | nindent 4 }}
spec:
  type: ClusterIP
  selector:
    {{- include "common.selector" . | nindent 4 }}
  ports:
  - name: http
    port: {{ .Values.service.port }}
    targetPort: http
  - name: metrics
    port: {{ .Values.service.metricsPort }}
    targetPort: metrics
  {{- with .Values.service.plainPort }}
  - name: plain
    port: {{ . }}
    targetPort: http
  {{- end }}
{{- end -}}
