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

{{/* An entry of `paths` that leads a path, of the given type, to the server. */}}
{{- define "steward.route" -}}
- path: {{ index . 0 | quote }}
  pathType: {{ index . 1 | quote }}
  backend:
    service:
      name: "steward"
      port:
        name: "http"
{{- end }}
