{{/* Labels of all resources. */}}
{{- define "steward.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "steward.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Labels that select the pods. */}}
{{- define "steward.selectorLabels" -}}
app.kubernetes.io/name: "steward"
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
