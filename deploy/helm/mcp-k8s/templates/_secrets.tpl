{{/*
The first rendering makes the secrets. Later ones look them up in the cluster. New secrets are kept in .Values during the
rendering, because pods have a checksum of them.
*/}}
{{- define "mcp-k8s.keys-name" -}}
{{ default (include "mcp-k8s.name" (list . "keys")) .Values.masterKeys.existingSecret }}
{{- end }}

{{- define "mcp-k8s.redis-secret-name" -}}
{{- if .Values.redis.bundled -}}
{{ include "mcp-k8s.name" (list . "redis") }}
{{- else -}}
{{ required "redis.external.existingSecret: set the name of the Secret with the key redis-url, or set redis.bundled=true" .Values.redis.external.existingSecret }}
{{- end }}
{{- end }}

{{/* A new Fernet key: 32 random bytes in the URL-safe base64 alphabet. */}}
{{- define "mcp-k8s.new-key" -}}
{{ randBytes 32 | replace "+" "-" | replace "/" "_" }}
{{- end }}

{{/* Master keys and the last step of their rotation, as YAML. A step is never made twice. */}}
{{- define "mcp-k8s.master-keys" -}}
{{- if not (hasKey .Values "madeMasterKeys") -}}
{{- $old := lookup "v1" "Secret" .Release.Namespace (include "mcp-k8s.keys-name" .) | default dict -}}
{{- $keys := list -}}
{{- with dig "data" "master-keys" "" $old -}}
{{- $keys = b64dec . | splitList "," -}}
{{- else -}}
{{- $keys = list (include "mcp-k8s.new-key" .) -}}
{{- end -}}
{{- $done := dig "metadata" "annotations" "mcp-k8s/rotation" "" $old -}}
{{- $wanted := default $done .Values.masterKeys.rotation -}}
{{- if ne $done $wanted -}}
{{- $before := dict "prepare" (list "" "finish") "switch" (list "prepare") "finish" (list "switch") -}}
{{- if not (has $done (get $before $wanted)) -}}
{{- fail (printf "masterKeys.rotation: %s comes after %s, but the last step of this release is %s" $wanted (index (get $before $wanted) 0 | default "finish") ($done | default "none")) -}}
{{- end -}}
{{- if eq $wanted "prepare" -}}
{{- $keys = append $keys (include "mcp-k8s.new-key" .) -}}
{{- else if eq $wanted "switch" -}}
{{- $keys = prepend (initial $keys) (last $keys) -}}
{{- else -}}
{{- $keys = list (first $keys) -}}
{{- end -}}
{{- end -}}
{{- $_ := set .Values "madeMasterKeys" (dict "keys" (join "," $keys) "rotation" $wanted) -}}
{{- end -}}
{{- toYaml .Values.madeMasterKeys -}}
{{- end }}

{{/* Passwords of the bundled Redis, as YAML. */}}
{{- define "mcp-k8s.redis-passwords" -}}
{{- if not (hasKey .Values "madeRedisPasswords") -}}
{{- $old := lookup "v1" "Secret" .Release.Namespace (include "mcp-k8s.redis-secret-name" .) | default dict -}}
{{- $made := dict -}}
{{- range list "password" "keda-password" -}}
{{- $_ := set $made . (dig "data" . (randAlphaNum 43 | b64enc) $old | b64dec) -}}
{{- end -}}
{{- $_ := set .Values "madeRedisPasswords" $made -}}
{{- end -}}
{{- toYaml .Values.madeRedisPasswords -}}
{{- end }}

{{/* Annotations that replace the pods when a mounted Secret changes. For a Secret that the chart did not make, this is only
its version: with a checksum, users who can read pods could guess its content. */}}
{{- define "mcp-k8s.secret-versions" -}}
{{- if .Values.masterKeys.existingSecret -}}
checksum/master-keys: {{ dig "metadata" "resourceVersion" "unknown" (lookup "v1" "Secret" .Release.Namespace .Values.masterKeys.existingSecret | default dict) | quote }}
{{- else -}}
checksum/master-keys: {{ include "mcp-k8s.master-keys" . | sha256sum }}
{{- end }}
{{ if .Values.redis.bundled -}}
checksum/redis: {{ include "mcp-k8s.redis-passwords" . | sha256sum }}
{{- else -}}
checksum/redis: {{ dig "metadata" "resourceVersion" "unknown" (lookup "v1" "Secret" .Release.Namespace (include "mcp-k8s.redis-secret-name" .) | default dict) | quote }}
{{- with (include "mcp-k8s.sentinel" . | fromYaml).passwordSecret }}
checksum/redis-sentinel: {{ dig "metadata" "resourceVersion" "unknown" (lookup "v1" "Secret" $.Release.Namespace . | default dict) | quote }}
{{- end }}
{{- end }}
{{- end }}
