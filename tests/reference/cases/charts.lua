--- Little charts of the kinds that people have. `template` is the only template, or `files` are all files of the chart;
--- `values` are those of the install and of the upgrade. `fails`: both tools refuse it. `differs` says why o2x does
--- something else on purpose. `again`: after an install, helm's next upgrade changes something.

local texts = require "tests.reference.cases.texts"

local M = {}

local chart, hook, map = texts.chart, texts.hook, texts.map

---@type { [1]: string, files: table?, template: string?, values: string[]?, fails: boolean?, differs: string?,
---  again: boolean? }[] name and chart
M.cases = {
  -- documents
  { "one object", template = map "t1-app" },
  { "two objects in a file", template = map "t1-app" .. "---\n" .. map "t1-web" },
  {
    "separators at both ends",
    template = "---\n" .. map "t1-app" .. "---\n---\n" .. map "t1-web" .. "---\n",
  },
  {
    "comments and blanks between objects",
    template = "# one\n" .. map "t1-app" .. "\n\n--- # two\n# more\n" .. map "t1-web",
  },
  {
    "lines that end in CR LF",
    template = (("---\n" .. map "t1-app" .. "---\n" .. map "t1-web"):gsub("\n", "\r\n")),
  },
  { "no final newline", template = (map("t1-app"):gsub("\n$", "")) },
  {
    "a list of objects",
    template = "apiVersion: v1\nkind: List\nitems:\n- " .. map("t1-app"):gsub("\n(.)", "\n  %1"),
  },
  {
    "a typed list",
    template = "apiVersion: v1\nkind: ConfigMapList\nitems:\n- " .. map("t1-app"):gsub("\n(.)", "\n  %1"),
  },
  {
    "an object in a file of JSON",
    files = {
      ["templates/a.json"] = '{"apiVersion": "v1", "kind": "ConfigMap",'
        .. '"metadata": {"name": "t1-app"}, "data": {"a": "b"}}',
    },
  },
  {
    "half an object in a file of JSON",
    files = { ["templates/a.json"] = '{"apiVersion": "v1"}', ["templates/a.yaml"] = map "t1-app" },
    fails = true,
  },
  {
    "an object in JSON",
    template = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "t1-app"}, "data": {}}',
  },
  { "templates in folders", files = { ["templates/x/y/a.yaml"] = map "t1-app", ["templates/x/b.yml"] = map "t1-web" } },
  {
    "an object only under a condition",
    files = {
      ["templates/a.yaml"] = map "t1-app",
      ["templates/b.yaml"] = '{{ if eq .Values.level "DEBUG" }}' .. map "t1-web" .. "{{ end }}",
    },
  },
  {
    "an object that goes",
    files = {
      ["templates/a.yaml"] = map "t1-app",
      ["templates/b.yaml"] = '{{ if eq .Values.level "INFO" }}' .. map "t1-web" .. "{{ end }}",
    },
  },
  { "the same object twice", template = map "t1-app" .. "---\n" .. map "t1-app", fails = true },
  {
    "a key twice",
    template = map("t1-app", "a: x, a: z", "name: t1-app"),
  },
  {
    "a map twice, a null twice",
    template = map("t1-app", 'a: x, b: "1", a: null, b: z', "labels: {app: t1-app, tenant: t2}, labels: {app: t1-app}"),
  },
  -- nothing
  { "no templates", files = {} },
  { "templates that render to nothing", template = "{{ if .Values.none }}a: 1{{ end }}\n" },
  { "comments only", template = "# nothing\n{{/* at all */}}\n---\n# here\n" },
  {
    "notes only",
    files = { ["templates/NOTES.txt"] = "Welcome to {{ .Release.Name }}\n" },
    differs = "notes are not recorded: o2x prints none",
  },
  { "a helper only", files = { ["templates/_x.tpl"] = '{{ define "x" }}a{{ end }}\n' } },
  {
    "nothing at first",
    template = '{{ if eq .Values.level "DEBUG" }}' .. map "t1-app" .. "{{ end }}",
  },
  {
    "nothing in the end",
    template = '{{ if eq .Values.level "INFO" }}' .. map "t1-app" .. "{{ end }}",
  },

  -- hooks
  { "hooks only", template = hook("t1-app", "pre-install,pre-upgrade") },
  {
    "hooks around the objects",
    files = {
      ["templates/a.yaml"] = map "t1-app",
      ["templates/b.yaml"] = hook("t1-web", "pre-install, post-upgrade", '"helm.sh/hook-weight": "-5"'),
      ["templates/c.yaml"] = hook("t1-sub", "post-install", '"helm.sh/hook-weight": "5"'),
    },
  },
  {
    "hooks that are deleted",
    files = {
      ["templates/a.yaml"] = map "t1-app",
      ["templates/b.yaml"] = hook(
        "t1-web",
        "pre-install,pre-upgrade",
        '"helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"'
      ),
    },
  },
  {
    "hooks of a rollback and a deletion",
    files = {
      ["templates/a.yaml"] = map "t1-app",
      ["templates/b.yaml"] = hook("t1-web", "pre-rollback"),
      ["templates/c.yaml"] = hook("t1-sub", "post-delete"),
    },
  },
  {
    "a test",
    files = { ["templates/a.yaml"] = map "t1-app", ["templates/tests/t.yaml"] = hook("t1-web", "test") },
    differs = "tests are not recorded: o2x runs its own checks",
  },
  {
    "an object to be kept",
    template = map("t1-app", nil, 'annotations: {"helm.sh/resource-policy": keep}'),
  },

  -- what a chart is told
  {
    "the release",
    template = map(
      "{{ .Release.Name }}",
      "n: {{ .Release.Namespace }}, s: {{ .Release.Service }}, c: {{ .Chart.Name }}, t: {{ .Template.Name | quote }}"
    ),
  },
  {
    "the kind of operation",
    template = map("t1-app", 'u: "{{ .Release.IsUpgrade }}"'),
    again = true,
  },
  {
    "the revision",
    template = map("t1-app", 'r: "{{ .Release.Revision }}"'),
    differs = "what is rendered depends on chart and values only: the revision is always 1",
  },
  {
    "the cluster's version",
    template = map("t1-app", "v: {{ .Capabilities.KubeVersion.Version }}"),
  },
  {
    "the kinds of the cluster",
    template = map(
      "t1-app",
      'a: "{{ .Capabilities.APIVersions.Has "apps/v1" }}", b: "{{ .Capabilities.APIVersions.Has "x.y/v1" }}",'
        .. ' c: "{{ .Capabilities.APIVersions.Has "apps/v1/Deployment" }}"'
    ),
  },
  {
    "a version that the cluster has no more",
    template = map("t1-app", 'a: "{{ .Capabilities.APIVersions.Has "extensions/v1beta1" }}"'),
    differs = "helm without a cluster knows them; objects of such a version are refused",
  },
  {
    "helm's version",
    template = map("t1-app", "v: {{ .Capabilities.HelmVersion.Version }}"),
  },
  {
    "a lookup",
    template = map("t1-app", 'x: {{ lookup "v1" "Namespace" "" "default" | len | quote }}'),
    differs = "a plan must show all that the objects depend on",
  },
  {
    "a lookup in a helper that is not called",
    files = {
      ["templates/_x.tpl"] = '{{ define "x" }}{{ lookup "v1" "Secret" "default" "y" }}{{ end }}',
      ["templates/a.yaml"] = map "t1-app",
    },
  },
  {
    "a value that is required",
    template = map("t1-app", 'x: {{ required "x!" .Values.x }}'),
    fails = true,
  },
  { "a failure", template = '{{ fail "no" }}', fails = true },
  { "a template that cannot be parsed", template = "{{ if }}", fails = true },
  {
    "a schema",
    files = {
      ["values.schema.json"] = '{"type": "object", "properties": {"level": {"type": "string"}}}',
      ["templates/a.yaml"] = map "t1-app",
    },
  },
  {
    "a schema that the values do not meet",
    files = {
      ["values.schema.json"] = '{"type": "object", "properties": {"level": {"type": "integer"}}}',
      ["templates/a.yaml"] = map "t1-app",
    },
    fails = true,
  },
  {
    "files that are ignored",
    files = {
      [".helmignore"] = "templates/b.yaml\n*.bak\n",
      ["templates/a.yaml"] = map "t1-app",
      ["templates/b.yaml"] = "{{ fail }}",
    },
  },
  {
    "files of the chart",
    files = {
      ["conf/a.txt"] = "one\n two {{ x }}\n",
      ["templates/a.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: t1-app}\ndata:\n"
        .. '  a: {{ .Files.Get "conf/a.txt" | quote }}\n'
        .. '{{ (.Files.Glob "conf/*").AsConfig | indent 2 }}\n',
    },
  },
  {
    "notes",
    files = { ["templates/a.yaml"] = map "t1-app", ["templates/NOTES.txt"] = "Welcome to {{ .Release.Name }}\n" },
    differs = "notes are not recorded: o2x prints none",
  },
  {
    "a chart of a type that cannot be installed",
    files = { ["Chart.yaml"] = chart("app", "type: library\n") },
    fails = true,
  },
  {
    "a version of Kubernetes that it does not want",
    files = { ["Chart.yaml"] = chart("app", 'kubeVersion: "<1.10.0"\n') },
    fails = true,
  },
  {
    "a deprecated chart with all fields",
    files = {
      ["Chart.yaml"] = chart(
        "app",
        "appVersion: 1.10\ndeprecated: true\nkeywords: [a]\nhome: https://x.example\nicon: https://x.example/i.png\n"
          .. "maintainers: [{name: m, email: m@x.example}]\nannotations: {category: X}\nsources: [https://y.example]\n"
      ),
      ["templates/a.yaml"] = map("t1-app", "v: {{ .Chart.AppVersion | quote }}"),
    },
  },

  {
    "numbers for texts in Chart.yaml",
    files = {
      ["Chart.yaml"] = "apiVersion: v2\nname: app\nversion: 1.10\nappVersion: 2\ndescription: null\n",
      ["templates/a.yaml"] = map("t1-app", "v: {{ .Chart.Version | quote }}, a: {{ .Chart.AppVersion | quote }}"),
    },
  },
  {
    "a Chart.yaml with a byte order mark, CR LF, a separator at its end and a key twice",
    files = {
      ["Chart.yaml"] = "\xef\xbb\xbfapiVersion: v2\r\nname: app\r\nname: app\r\nversion: v1.0.0+b5\r\n---\r\n",
      ["templates/a.yaml"] = map "t1-app",
    },
  },
  { "an empty Chart.yaml", files = { ["Chart.yaml"] = "", ["templates/a.yaml"] = map "t1-app" }, fails = true },
  { "a Chart.yaml without a version", files = { ["Chart.yaml"] = "apiVersion: v2\nname: app\n" }, fails = true },
  {
    "default values with a key twice and two documents",
    files = {
      ["values.yaml"] = "a: 1\na: 2\n---\na: 3\n",
      ["templates/a.yaml"] = map("t1-app", "a: {{ .Values.a | quote }}"),
    },
  },
  {
    "default values that are a list",
    files = { ["values.yaml"] = "- a\n", ["templates/a.yaml"] = map "t1-app" },
    fails = true,
  },

  -- texts and numbers
  {
    "braces in what is rendered",
    template = map("t1-app", [[x: '{{ "{{ .Values.level }}" }}', y: '{{ "}}" }}', z: '{{ "{{`a`}}" }}']]),
  },
  {
    "YAML 1.1",
    template = map(
      "t1-app",
      "a: 'yes', b: \"no\", c: 'on', d: '0777', e: '1e3', f: '~', "
        .. "g: '1:30', h: 'null', i: '=', j: '.5', k: '2026-01-01'"
    ),
  },
  { "null fields", template = map("t1-app", "a: null, b: x", "labels: null") },
  {
    "texts of many lines",
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: t1-app}\ndata:\n"
      .. "  a: |\n    one\n      two\n\n    three  \n  b: |+\n    x\n\n\n"
      .. "  c: >\n    f\n    g\n\n    h\n  d: |-\n    d\te\n"
      .. '  e: "a\\tb\\r\\nc\\u00e9\\U0001F600"\n  f: \'# no comment\'\n  g: " blank "\n'
      .. "  h: ''\n  i: |2\n      indented\n",
  },
  {
    "letters of other scripts",
    template = map("t1-app", "a: größe, ü: '日本'"),
    fails = true,
  },
  {
    "control characters",
    template = map("t1-app", 'a: {{ "a\\x00b\\a\\x1b\\x7f" | quote }}, b: "\\0\\N\\_\\L\\P\\uFEFF\\t"'),
  },
  { "a document's end in a text", template = map("t1-app", 'a: "one\\n---\\n...\\ntwo"') },
  { "letters in values", template = map("t1-app", "a: größe-日本-😀") },
  {
    "numbers",
    template = "apiVersion: v1\nkind: Service\nmetadata: {name: t1-app, labels: {app: t1-app, tenant: t1}}\n"
      .. "spec: {selector: {app: t1-app}, ports: [{name: http, port: 8.08e3, targetPort: 0x1F90}]}\n",
  },
  {
    "anchors",
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: t1-app}\n"
      .. "data:\n  a: &x one\n  b: *x\n---\n"
      .. "apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: t1-web}\ndata: {<<: {k: v}, l: w}\n",
  },
  {
    "values as YAML",
    files = {
      ["templates/a.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: t1-app}\ndata:\n"
        .. "  v: |\n{{ .Values | toYaml | indent 4 }}\n  j: {{ .Values | toPrettyJson | quote }}\n",
      ["values.yaml"] = "level: x\nlist: [1, {a: null}]\nbig: 12345678901234567\nf: 0.1\n",
    },
  },
  {
    "a template of a value",
    template = map("t1-app", 'x: {{ tpl "{{ .Values.level }}-{{ .Release.Name }}" . | quote }}'),
  },
  {
    "large numbers of values",
    template = map("t1-app", "a: {{ .Values.n | quote }}, b: {{ .Values.n | int64 | quote }}"),
    values = { "n: 9223372036854775807\n", "n: 9007199254740993\n" },
  },
  {
    "bytes",
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: t1-app}\n"
      .. "binaryData: {a: {{ .Values.level | b64enc }}}\n",
  },
  {
    "a Deployment",
    template = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: t1-app, labels: {app: t1-app, tenant: t1}}\n"
      .. "spec:\n  replicas: 2.0\n  selector: {matchLabels: {app: t1-app}}\n  template:\n"
      .. "    metadata: {labels: {app: t1-app, tenant: t1}}\n    spec:\n      containers:\n      - name: app\n"
      .. "        image: example/app:v1\n        args: null\n"
      .. "        env:\n        - {name: LEVEL, value: {{ .Values.level | quote }}}\n"
      .. "        resources: {limits: {cpu: 1, memory: 1Gi}}\n",
  },

  -- names
  { "a namespace that is null", template = map("t1-app", nil, "namespace: null") },
  { "a namespace that is empty", template = map("t1-app", nil, "namespace: ''") },
  { "the release's own namespace", template = map("t1-app", nil, "namespace: {{ .Release.Namespace }}") },
  { "a name that is a number", template = map "5", fails = true },
  {
    "a name that the server makes",
    template = (map("x"):gsub("name: x", "generateName: t1-app")),
    fails = true,
  },
  {
    "a name of 64 letters in a label",
    template = map("t1-app", nil, "labels: {x: " .. ("x"):rep(64) .. "}"),
    fails = true,
  },
  {
    "an object without a kind",
    template = "apiVersion: v1\nmetadata: {name: t1-app}\n",
    fails = true,
  },
  {
    "an object without a version",
    template = "kind: ConfigMap\nmetadata: {name: t1-app}\n",
    fails = true,
  },
  {
    "a kind that the server does not know",
    template = "apiVersion: x.y/v1\nkind: Thing\nmetadata: {name: t1-app}\n",
    fails = true,
  },
  { "a text in place of an object", template = "hello\n", fails = true },
  { "a list in place of an object", template = "- a\n- b\n", fails = true },
  {
    "a CRD",
    files = {
      ["crds/x.yaml"] = "apiVersion: apiextensions.k8s.io/v1\n"
        .. "kind: CustomResourceDefinition\nmetadata: {name: things.x.y}\n"
        .. "spec: {group: x.y, scope: Namespaced, names: {plural: things, kind: Thing}, "
        .. "versions: [{name: v1, served: true, storage: true}]}\n",
    },
    differs = "a CRD belongs to the cluster",
  },
}

return M
