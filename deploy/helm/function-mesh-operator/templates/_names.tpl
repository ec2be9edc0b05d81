{{- define "operator.name" -}}
function-mesh-controller-manager
{{- end }}

{{- define "operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller-manager
{{- end }}

{{- define "operator.labels" -}}
{{ include "operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* The namespace that is watched, or nothing. */}}
{{- define "operator.watched" -}}
{{- if gt (len .Values.watchNamespaces) 1 }}
{{- fail "watchNamespaces: one operator watches one namespace or all; install one release per namespace" }}
{{- end }}
{{- if and (eq .Values.rbac.scope "namespace") (not .Values.watchNamespaces) }}
{{- fail "rbac.scope: namespace needs watchNamespaces: [the namespace]" }}
{{- end }}
{{- $global := .Values.controllerManager.globalBackendConfig }}
{{- $place := .Values.controllerManager.globalBackendConfigNamespace }}
{{- if and (eq .Values.rbac.scope "namespace") $global (ne $place (first .Values.watchNamespaces)) }}
{{- fail "controllerManager.globalBackendConfig: rbac.scope namespace gives no right to read it in another namespace; set it to \"\", or globalBackendConfigNamespace to the watched namespace" }}
{{- end }}
{{- with .Values.watchNamespaces }}{{ first . }}{{ end }}
{{- end }}

{{/* Whether metrics are served over HTTPS, which takes cluster-wide rights. */}}
{{- define "operator.secure" -}}
{{- if and .Values.controllerManager.metrics.secure (eq .Values.rbac.scope "cluster") }}true{{ end }}
{{- end }}
