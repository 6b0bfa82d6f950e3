--- Little charts with subcharts; the fields are those of `charts.lua`. `packed` is a subchart that is packed first.

local texts = require "tests.reference.cases.texts"

local M = {}

local chart, map = texts.chart, texts.map

-- A chart with a subchart "sub", the way to it in dependencies.
local function parent(dependency)
  return chart("app", ("dependencies: [{name: sub, version: 1.0.0%s}]\n"):format(dependency or ""))
end

local SUB <const> = map("t1-sub", "level: {{ .Values.level | quote }}")
local SUB_VALUES <const> = "level: SUB\nenabled: true\n"

M.cases = {
  {
    "a subchart",
    files = {
      ["Chart.yaml"] = parent(),
      ["charts/sub/Chart.yaml"] = chart "sub",
      ["charts/sub/values.yaml"] = SUB_VALUES,
      ["charts/sub/templates/a.yaml"] = SUB,
    },
    values = { "level: INFO\n", "level: DEBUG\nsub: {level: DEBUG}\n" },
  },
  {
    "a subchart that no dependency names",
    files = {
      ["charts/sub/Chart.yaml"] = chart "sub",
      ["charts/sub/values.yaml"] = SUB_VALUES,
      ["charts/sub/templates/a.yaml"] = SUB,
    },
  },
  {
    "a condition",
    files = {
      ["Chart.yaml"] = parent ", condition: sub.enabled",
      ["templates/a.yaml"] = map "t1-app",
      ["charts/sub/Chart.yaml"] = chart "sub",
      ["charts/sub/values.yaml"] = SUB_VALUES,
      ["charts/sub/templates/a.yaml"] = SUB,
    },
    values = { "level: INFO\nsub: {enabled: false}\n", "level: DEBUG\nsub: {enabled: true}\n" },
  },
  {
    "tags",
    files = {
      ["Chart.yaml"] = parent ", tags: [extra]",
      ["templates/a.yaml"] = map "t1-app",
      ["charts/sub/Chart.yaml"] = chart "sub",
      ["charts/sub/values.yaml"] = SUB_VALUES,
      ["charts/sub/templates/a.yaml"] = SUB,
    },
    values = { "tags: {extra: true}\n", "tags: {extra: false}\n" },
  },
  {
    "an alias",
    files = {
      ["Chart.yaml"] = parent ", alias: other",
      ["charts/sub/Chart.yaml"] = chart "sub",
      ["charts/sub/values.yaml"] = SUB_VALUES,
      ["charts/sub/templates/a.yaml"] = map("t1-sub", "name: {{ .Chart.Name }}, level: {{ .Values.level }}"),
    },
    values = { "other: {level: A}\n", "other: {level: B}\n" },
  },
  {
    "two aliases of one chart",
    files = {
      ["Chart.yaml"] = chart(
        "app",
        "dependencies:\n- {name: sub, version: 1.0.0, alias: app1}\n- {name: sub, version: 1.0.0, alias: web1}\n"
      ),
      ["charts/sub/Chart.yaml"] = chart "sub",
      ["charts/sub/values.yaml"] = "name: x\n",
      ["charts/sub/templates/a.yaml"] = map("t1-{{ .Values.name }}", "name: {{ .Chart.Name }}"),
    },
    values = { "app1: {name: app}\nweb1: {name: web}\n", "app1: {name: web}\nweb1: {name: app}\n" },
  },
  {
    "imported values",
    files = {
      ["Chart.yaml"] = parent ", import-values: [data]",
      ["templates/a.yaml"] = map("t1-app", "port: {{ .Values.port | quote }}"),
      ["charts/sub/Chart.yaml"] = chart "sub",
      ["charts/sub/values.yaml"] = "exports: {data: {port: 80}}\n",
    },
    values = { "{}\n", "port: 81\n" },
  },
  {
    "imported values by names",
    files = {
      ["Chart.yaml"] = parent ", import-values: [{child: inner.data, parent: outer}]",
      ["templates/a.yaml"] = map("t1-app", "port: {{ .Values.outer.port | quote }}"),
      ["charts/sub/Chart.yaml"] = chart "sub",
      ["charts/sub/values.yaml"] = "inner: {data: {port: 80}}\n",
    },
    values = { "{}\n", "sub: {inner: {data: {port: 81}}}\n" },
  },
  {
    "global values",
    files = {
      ["templates/a.yaml"] = map("t1-app", "x: {{ .Values.global.x }}"),
      ["charts/sub/Chart.yaml"] = chart "sub",
      ["charts/sub/templates/a.yaml"] = map("t1-sub", "x: {{ .Values.global.x }}"),
      ["values.yaml"] = "global: {x: one}\n",
    },
    values = { "{}\n", "global: {x: two}\n" },
  },
  {
    "a library chart",
    files = {
      ["Chart.yaml"] = parent(),
      ["templates/a.yaml"] = '{{ include "sub.map" . }}',
      ["charts/sub/Chart.yaml"] = chart("sub", "type: library\n"),
      ["charts/sub/templates/_map.tpl"] = '{{ define "sub.map" }}\n' .. map "t1-app" .. "{{ end }}\n",
    },
  },
  {
    "a subchart of a subchart",
    files = {
      ["charts/sub/Chart.yaml"] = chart "sub",
      ["charts/sub/charts/deep/Chart.yaml"] = chart "deep",
      ["charts/sub/charts/deep/values.yaml"] = SUB_VALUES,
      ["charts/sub/charts/deep/templates/a.yaml"] = SUB,
    },
    values = { "sub: {deep: {level: A}}\n", "sub: {deep: {level: B}}\n" },
  },
  {
    "a packed subchart",
    packed = "sub",
    files = {
      ["Chart.yaml"] = parent(),
      ["charts/sub/Chart.yaml"] = chart "sub",
      ["charts/sub/values.yaml"] = SUB_VALUES,
      ["charts/sub/templates/a.yaml"] = SUB,
    },
  },
  {
    "requirements of an old chart",
    files = {
      ["Chart.yaml"] = "apiVersion: v1\nname: app\nversion: 1.0.0\n",
      ["requirements.yaml"] = "dependencies: [{name: sub, version: 1.0.0, condition: sub.enabled}]\n",
      ["charts/sub/Chart.yaml"] = "apiVersion: v1\nname: sub\nversion: 1.0.0\n",
      ["charts/sub/values.yaml"] = SUB_VALUES,
      ["charts/sub/templates/a.yaml"] = SUB,
    },
  },
  { "a dependency that is missing", files = { ["Chart.yaml"] = parent() }, fails = true },
  {
    "a null that removes a subchart's default",
    files = {
      ["charts/sub/Chart.yaml"] = chart "sub",
      ["charts/sub/values.yaml"] = "a: 1\nb: 2\n",
      ["charts/sub/templates/a.yaml"] = map("t1-sub", "v: {{ .Values | toJson | quote }}"),
    },
    values = { "sub: {a: null}\n", "sub: {b: null}\n" },
  },
}

return M
