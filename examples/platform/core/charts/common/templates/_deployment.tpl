{{- define "common.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "common.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "common.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicaCount }}
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels:
      {{- include "common.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "common.labels" . | nindent 8 }}
    spec:
      terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds | default 30 }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        fsGroup: 1000
      containers:
      - name: {{ .Chart.Name }}
        image: {{ printf "%s:%s" .Values.image.repository (.Values.image.tag | toString) | quote }}
        imagePullPolicy: {{ .Values.image.pullPolicy }}
        ports:
        - name: http
          containerPort: {{ .Values.app.spring.port | default 8080 }}
        - name: metrics
          containerPort: {{ .Values.service.metricsPort }}
        env:
          {{- include "common.env" . | nindent 10 }}
        startupProbe:
          {{- include "common.probe" . | nindent 10 }}
          periodSeconds: 5
          failureThreshold: 60
        readinessProbe:
          {{- include "common.probe" . | nindent 10 }}
          periodSeconds: 10
          failureThreshold: 3
        livenessProbe:
          {{- include "common.probe" . | nindent 10 }}
          periodSeconds: 20
          failureThreshold: 3
        resources:
          {{- toYaml .Values.resources | nindent 10 }}
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
        volumeMounts:
        - name: data
          mountPath: /data
        - name: logs
          mountPath: /logs
      volumes:
      - name: data
        persistentVolumeClaim:
          claimName: {{ required "app.volumes.dataPvc names the tenant's volume claim" .Values.app.volumes.dataPvc }}
      - name: logs
        emptyDir: {}
{{- end -}}

{{- define "common.probe" -}}
httpGet:
  path: /actuator/health
  port: http
timeoutSeconds: 5
{{- end -}}
