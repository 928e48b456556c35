{{- define "mcp-k8s.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{/* Name of a component. Arguments: (list . "gateway") */}}
{{- define "mcp-k8s.name" -}}
{{ include "mcp-k8s.fullname" (first .) }}-{{ last . }}
{{- end }}

{{- define "mcp-k8s.selector" -}}
app.kubernetes.io/name: {{ default (first .).Chart.Name (first .).Values.nameOverride }}
app.kubernetes.io/instance: {{ (first .).Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{- define "mcp-k8s.metadata" -}}
name: {{ include "mcp-k8s.name" . }}
namespace: {{ (first .).Release.Namespace }}
labels:
  {{- include "mcp-k8s.labels" . | nindent 2 }}
{{- end }}

{{- define "mcp-k8s.labels" -}}
{{ include "mcp-k8s.selector" . }}
app.kubernetes.io/version: {{ (first .).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (first .).Release.Service }}
helm.sh/chart: {{ (first .).Chart.Name }}-{{ (first .).Chart.Version | replace "+" "_" }}
{{- end }}

{{/* A Service whose name resolves to the addresses of a component's pods, so that workers know them as their own
services. Arguments: (list . component portName port) */}}
{{- define "mcp-k8s.pods" -}}
{{- $root := first . -}}
{{- $component := index . 1 -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "mcp-k8s.metadata" (list $root (printf "%s-pods" $component)) | nindent 2 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    {{- include "mcp-k8s.selector" (list $root $component) | nindent 4 }}
  ports:
    - {name: {{ index . 2 }}, port: {{ index . 3 }}, targetPort: {{ index . 2 }}}
{{- end }}

{{/* Reference of an image. Arguments: (list . image) */}}
{{- define "mcp-k8s.image" -}}
{{- $image := last . -}}
{{- $repository := required "gateway.image.repository and worker.image.repository: say where you have pushed the images that `make images` builds" $image.repository -}}
{{- if $image.digest -}}
image: {{ $repository }}@{{ $image.digest }}
{{- else -}}
image: {{ $repository }}:{{ default (first .).Chart.AppVersion $image.tag }}
{{- end }}
imagePullPolicy: {{ $image.pullPolicy }}
{{- end }}

{{/* Fields of every pod. Arguments: (list . component user) */}}
{{- define "mcp-k8s.pod" -}}
{{- $component := index . 1 -}}
{{- $root := first . -}}
{{- $own := index $root.Values $component -}}
serviceAccountName: {{ include "mcp-k8s.fullname" $root }}
automountServiceAccountToken: false
# Service links are off, because a Service named k8s-mcp would set K8S_MCP_PORT.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ last . }}
  runAsGroup: {{ last . }}
  fsGroup: {{ last . }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "mcp-k8s.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "mcp-k8s.selector" . | nindent 8 }}
{{- end }}

{{- define "mcp-k8s.container-security" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* Common settings and settings of the component. Arguments: (list . component) */}}
{{- define "mcp-k8s.settings" -}}
{{- $root := first . -}}
- name: K8S_MCP_MASTER_KEYS_FILE
  value: /secrets/master-keys
- name: K8S_MCP_REDIS_URL_FILE
  value: /secrets/redis-url
{{- if not $root.Values.redis.bundled }}
{{- if $root.Values.redis.external.caSecret }}
- name: K8S_MCP_REDIS_CA_FILE
  value: /redis-ca/ca.crt
{{- end }}
{{- with include "mcp-k8s.sentinel" $root | fromYaml }}
{{- if .username }}
- name: K8S_MCP_REDIS_SENTINEL_USERNAME
  value: {{ .username | quote }}
{{- end }}
{{- if .passwordSecret }}
- name: K8S_MCP_REDIS_SENTINEL_PASSWORD_FILE
  value: /secrets/redis-sentinel-password
{{- end }}
{{- end }}
{{- end }}
- name: K8S_MCP_MAX_TIMEOUT
  value: {{ $root.Values.timeLimits.maxSeconds | int | quote }}
{{- with $root.Values.traces.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- range $name, $value := merge (dict) (index $root.Values (last .)).settings $root.Values.settings }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{/* Values of the sentinels as YAML, or nothing without Sentinel. */}}
{{- define "mcp-k8s.sentinel" -}}
{{- $sentinel := default dict .Values.redis.external.sentinel -}}
{{- if and (not .Values.redis.bundled) $sentinel.enabled -}}
{{- toYaml $sentinel -}}
{{- end -}}
{{- end }}

{{- define "mcp-k8s.mounts" -}}
- name: secrets
  mountPath: /secrets
  readOnly: true
- name: temporary
  mountPath: /tmp
{{- if and (not .Values.redis.bundled) .Values.redis.external.caSecret }}
- name: redis-ca
  mountPath: /redis-ca
  readOnly: true
{{- end }}
{{- end }}

{{/* Volumes of a pod. Arguments: (list . size of /tmp, name of the proxy's Secret) */}}
{{- define "mcp-k8s.volumes" -}}
{{- $root := first . -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ include "mcp-k8s.keys-name" $root }}
          items: [{key: master-keys, path: master-keys}]
      - secret:
          name: {{ include "mcp-k8s.redis-secret-name" $root }}
          items: [{key: redis-url, path: redis-url}]
      {{- with (include "mcp-k8s.sentinel" $root | fromYaml).passwordSecret }}
      - secret:
          name: {{ . }}
          items: [{key: redis-sentinel-password, path: redis-sentinel-password}]
      {{- end }}
      {{- with last . }}
      - secret:
          name: {{ . }}
          items: [{key: egress-proxy, path: egress-proxy}]
      {{- end }}
- name: temporary
  emptyDir: {medium: Memory, sizeLimit: {{ index . 1 }}}
{{- if and (not $root.Values.redis.bundled) $root.Values.redis.external.caSecret }}
- name: redis-ca
  secret:
    secretName: {{ $root.Values.redis.external.caSecret }}
    defaultMode: 0440
    items: [{key: ca.crt, path: ca.crt}]
{{- end }}
{{- end }}
