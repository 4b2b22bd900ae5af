{{- define "fleet.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "fleet.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "fleet.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "fleet.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What pods are found by. Takes a dict: root, component. */}}
{{- define "fleet.selector" -}}
app.kubernetes.io/name: {{ include "fleet.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "fleet.labels" -}}
{{ include "fleet.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: kokoro-fleet
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "fleet.metadata" -}}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "fleet.labels" . | nindent 2 }}
{{- end }}

{{- define "fleet.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "fleet.fullname" .) .Values.serviceAccount.name }}
{{- else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{/* The secret with the queue's URL. */}}
{{- define "fleet.redisSecret" -}}
{{- default (printf "%s-redis" (include "fleet.fullname" .)) .Values.redis.existingSecret }}
{{- end }}

{{- define "fleet.waitForWorkers" -}}
{{- $zero := false }}
{{- range .Values.workers }}
{{- if and .enabled .autoscaling.enabled (eq (int .autoscaling.minReplicas) 0) }}{{ $zero = true }}{{ end }}
{{- end }}
{{- if not (kindIs "invalid" .Values.waitForWorkersSeconds) }}{{ .Values.waitForWorkersSeconds }}
{{- else if $zero }}120{{ else }}0{{ end }}
{{- end }}

{{- define "fleet.redisAddress" -}}
{{- default (printf "%s-valkey.%s.svc:6379" (include "fleet.fullname" .) .Release.Namespace) .Values.keda.redisAddress }}
{{- end }}

{{/*
How many workers of a kind it takes, as PromQL: the audio that is being made, and what waits, gone in drainSeconds, over
what one worker makes at the wanted utilization. Every gateway tells what is the fleet's, hence max; what is its own is
summed. Requests that wait for a first worker, or are told that there is none, wake one, as batches do; each counts as ten seconds of
audio, a few sentences. Takes a dict: root, worker.
*/}}
{{- define "fleet.workersNeeded" -}}
{{- $keda := .root.Values.keda }}
{{- $from := default (printf "namespace=%q" .root.Release.Namespace) $keda.series }}
{{- $one := printf "(max(kokoro_fleet_capacity_audio_seconds_per_second{%s}) / sum(max by (engine) (kokoro_workers{%s})) > 0 or vector(2))" $from $from }}
{{- with .worker.capacity }}{{ $one = toString . }}{{ end }}
{{- $made := printf "(sum(rate(kokoro_worker_audio_seconds_total{%s}[1m])) or vector(0))" $from }}
{{- $waiting := printf "(sum(max by (lane) (kokoro_queue_audio_seconds{%s})) or vector(0)) / %v" $from $keda.drainSeconds }}
{{- $asleep := printf "10 * (sum(kokoro_requests_waiting_for_workers{%s}) or vector(0)) / %v" $from $keda.drainSeconds }}
{{- $refused := printf "(sum(rate(kokoro_rejections_total{%s,reason=\"no_workers\"}[1m])) or vector(0))" $from }}
{{- $batches := printf "(max(kokoro_open_batch_items{%s,state=\"waiting\"} > bool 0) or vector(0)) / %v" $from $keda.drainSeconds }}
{{- printf "%v * (%s + %s + %s + %s + %s) / (%v * %s)" .worker.autoscaling.share $made $waiting $asleep $refused $batches $keda.targetUtilization $one }}
{{- end }}

{{/* Pod Security Standards' profile "restricted". */}}
{{- define "fleet.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1001
runAsGroup: 1001
fsGroup: 1001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "fleet.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* One replica on each node, then in each zone, as far as there are any. */}}
{{- define "fleet.spread" -}}
{{- $selector := include "fleet.selector" . }}
topologySpreadConstraints:
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- $selector | nindent 8 }}
{{- end }}
{{- end }}

{{/* Where a pod may and should run. Takes a dict: root, component, spec. */}}
{{- define "fleet.placement" -}}
{{- with .spec.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .spec.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .spec.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{ include "fleet.spread" . }}
{{- end }}

{{- define "fleet.podStart" -}}
serviceAccountName: {{ include "fleet.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "fleet.podSecurity" . | nindent 2 }}
{{- end }}

{{/* Environment of every process: the queue, logs, and what the operator adds. Takes a dict: root, env. */}}
{{- define "fleet.env" -}}
- name: REDIS_URL
  valueFrom:
    secretKeyRef: {name: {{ include "fleet.redisSecret" .root }}, key: url}
- {name: LOG_LEVEL, value: {{ .root.Values.logLevel | quote }}}
- {name: LOG_FORMAT, value: json}
{{- range $name, $value := .env }}
- {name: {{ $name }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- end }}

{{/* Settings of storage, for gateways and runners. */}}
{{- define "fleet.storageEnv" -}}
- {name: STORAGE_URL, value: {{ default "file:///data" .Values.storage.url | quote }}}
{{- end }}

{{- define "fleet.storageSecret" -}}
{{- with .Values.storage.existingSecret }}
- secretRef: {name: {{ . }}}
{{- end }}
{{- end }}

{{- define "fleet.storageMounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: files, mountPath: /downloads, subPath: downloads}
- {name: files, mountPath: /data, subPath: data}
{{- end }}

{{- define "fleet.storageVolumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
- name: files
{{- if .Values.storage.persistence.enabled }}
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-files" (include "fleet.fullname" .)) .Values.storage.persistence.existingClaim }}
{{- else }}
  emptyDir: {sizeLimit: 4Gi}
{{- end }}
{{- end }}

{{- define "fleet.probe" -}}
httpGet: {path: {{ .path }}, port: {{ .port }}}
periodSeconds: {{ .period }}
timeoutSeconds: 5
failureThreshold: {{ .failures }}
{{- end }}

{{/* Values that contradict each other are refused here, before anything is installed. */}}
{{- define "fleet.check" -}}
{{- if and (not .Values.valkey.enabled) (not .Values.redis.url) (not .Values.redis.existingSecret) }}
{{- fail "valkey.enabled is false: set redis.url, or redis.existingSecret to a secret with the key url" }}
{{- end }}
{{- if and .Values.valkey.enabled .Values.redis.url }}
{{- fail "redis.url is set and valkey.enabled too: which queue is it? Set valkey.enabled=false" }}
{{- end }}
{{- range $kind, $worker := .Values.workers }}
{{- if and $worker.enabled $worker.autoscaling.enabled (eq $.Values.keda.source "redis") (eq (int $worker.autoscaling.minReplicas) 0) }}
{{- fail (printf "workers.%s.autoscaling.minReplicas is 0 and keda.source redis: nothing is queued while there is no worker, so none would ever come. Keep one, or use Prometheus" $kind) }}
{{- end }}
{{- end }}
{{- if and .Values.batch.enabled (not .Values.storage.url) (not .Values.storage.persistence.enabled) }}
{{- fail "batch.enabled needs storage that gateways and runners share: storage.url=s3://... or storage.persistence.enabled=true" }}
{{- end }}
{{- end }}

{{- define "fleet.toDns" -}}
# Names.
- to: [{namespaceSelector: {}}]
  ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
{{- end }}

{{- define "fleet.toQueue" -}}
# The queue.
{{- if .Values.valkey.enabled }}
- to:
    - podSelector:
        matchLabels:
          {{- include "fleet.selector" (dict "root" . "component" "valkey") | nindent 10 }}
  ports: [{port: 6379, protocol: TCP}]
{{- else }}
- ports:
    {{- range .Values.redis.ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}
{{- end }}

{{- define "fleet.toWeb" -}}
# Object storage and webhooks, or the model's hub.
- ports: [{port: 443, protocol: TCP}, {port: 80, protocol: TCP}]
{{- end }}

{{- define "fleet.fromMetrics" -}}
- ports: [{port: {{ .Values.metricsPort }}, protocol: TCP}]
  {{- with .Values.networkPolicy.metricsFrom }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* A claim that is kept. Takes a dict: root, name, claim. */}}
{{- define "fleet.claim" }}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ printf "%s-%s" (include "fleet.fullname" .root) .name }}
  {{- include "fleet.metadata" (dict "root" .root "component" .name) | nindent 2 }}
  annotations:
    # What was spoken, and the model, outlive a `helm uninstall`.
    helm.sh/resource-policy: keep
spec:
  accessModes:
    {{- toYaml .claim.accessModes | nindent 4 }}
  {{- with .claim.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests: {storage: {{ .claim.size }}}
{{- end }}
