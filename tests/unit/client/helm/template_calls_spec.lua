local calls = require "o2x.client.helm.template_calls"

-- Templates → what they do: "volatile", "clock" (which is volatile as well), "tpl", or "" for nothing of these.
local CASES <const> = {
  ["text: now, keys, randAlpha"] = "",
  ["{{/* now values keys randAlpha */}}"] = "",
  ["{{- /* two\nlines: {{ now }} */ -}}"] = "",
  ["{{ .Values.now }} {{ $x.uuidv4 }} {{ $.Values.keys }} {{ (index .a 0).values }}"] = "",
  ['{{ fail "run it now, with values {{ keys }}" }}'] = "",
  ['{{ required `uuidv4 "now"` .Values.x }}'] = "",
  ['{{ printf "%s \\" now" \'n\' }}'] = "",
  ['{{- $x := dict "a" 1.5e3 "b" -1 "c" 0x1F -}}{{- $x = 2 -}}'] = "",
  ["{{- if and (eq .a 1) (not .b) }}{{ else if gt .c 3 }}{{ else }}{{ end -}}"] = "",
  ["{{ range $i, $v := .Values.list }}{{ break }}{{ end }}{{ with .x }}{{ . }}{{ end }}"] = "",
  ['{{ define "a" }}{{ end }}{{ include "a" . | nindent 4 }}{{ template "a" $ }}{{ block "b" . }}{{ end }}'] = "",
  ["{{ randAlphaNum 8 }}"] = "volatile",
  ["{{uuidv4}}"] = "volatile",
  ["{{-shuffle .x-}}"] = "volatile",
  ['{{ (genCA "x" 3).Cert }}'] = "volatile",
  ['{{ lookup "v1" "Pod" "" "" }}'] = "volatile",
  ['{{ getHostByName "x" }}'] = "volatile",
  ["{{ aFunctionOfTomorrow }}"] = "volatile",
  ['{{ printf "%p" . }}'] = "volatile",
  ["{{ now | unixEpoch }}"] = "volatile clock",
  ['{{ date "2006" .Values.x }}'] = "volatile clock",
  ["{{ ago .x }}"] = "volatile clock",
  ["{{ tpl .Values.x . }}"] = "tpl",
  ["{{ not closed"] = "volatile",
  ['{{ "not closed }}'] = "volatile",
  ["{{ % }}"] = "volatile",
  -- The keys of a map come in any order.
  ["{{ keys .x | first }}"] = "volatile",
  ['{{ join "," (keys .x) }}'] = "volatile",
  ["{{ range keys .x }}{{ end }}"] = "volatile",
  ["{{ .y | default (keys .x) | sortAlpha }}"] = "volatile",
  ["{{ $k := values .x }}"] = "volatile",
  ["{{ keys .x }}"] = "volatile",
  ["{{ keys .x | sortAlpha | first }}"] = "",
  ["{{ range $k := (keys .x | sortAlpha) }}{{ end }}"] = "",
  ["{{ range (keys .x | uniq | sortAlpha) }}{{ end }}"] = "",
  ['{{ (keys .x) | sortAlpha | join "," }}'] = "",
  ["{{ sortAlpha (keys .x) }}"] = "",
  ["{{ concat (keys .a) (keys .b) | uniq | sortAlpha }}"] = "",
  ["{{ if gt (len (keys .x)) 1 }}{{ end }}"] = "",
  ['{{ if has "a" (keys .x) }}{{ end }}'] = "",
}

local function words(found)
  local list = {}
  for _, name in ipairs { "volatile", "clock", "tpl" } do
    if found[name] then list[#list + 1] = name end
  end
  return table.concat(list, " ")
end

describe("the calls of a template", function()
  it("are found in its actions, and nowhere else", function()
    for text, expected in pairs(CASES) do
      assert.equal(expected, words(calls.read(text)), text)
    end
  end)

  it("of the context are known: the release, the cluster, all of it", function()
    for text, expected in pairs {
      ["{{ .Release.Name }}{{ $.Release.Namespace }}{{ .Release.Service }}"] = { false, false },
      ["{{ .Release.IsUpgrade }}"] = { true, false },
      ["{{ .Release.Revision }}"] = { true, false },
      ["{{ .Release }}"] = { true, false },
      ['{{ get . "Release" }}'] = { true, false },
      ["{{ .Capabilities.KubeVersion }}"] = { false, true },
      ['{{ index . "Capabilities" }}'] = { false, true },
      ["{{ toYaml $ }}"] = { true, true },
      ["{{ $ | toJson }}"] = { true, true },
      ["{{ toYaml . | sha256sum }}"] = { true, true },
      ["{{ if .x }}{{ . | toJson }}{{ end }}"] = { true, true },
      ['{{ define "x" }}{{ toYaml (omit . "Files") }}{{ end }}'] = { true, true },
      ["{{ with .Values.x }}{{ toYaml . }}{{ end }}{{ range .Values.y }}{{ if .z }}{{ . }}{{ end }}{{ end }}"] = {
        false,
        false,
      },
      ["{{ with .Values.x }}{{ toYaml $ }}{{ end }}"] = { true, true },
      ["{{ with .Values.x }}{{ else }}{{ toYaml . }}{{ end }}"] = { true, true },
      ["{{ with .Values.x }}{{ else with .y }}{{ toYaml . }}{{ end }}"] = { false, false },
      ["{{ with .Values.x }}{{ . }}{{ end }}{{ toYaml . }}"] = { true, true },
      ['{{ printf "%s-x" (include "x" .) }}{{ trunc 63 . }}'] = { false, false },
      ["{{ toYaml $.Values }}"] = { false, false },
      ['{{ include "x" $ }}{{ include "x" (dict "top" $ "x" 1) }}'] = { false, false },
      ["Release Capabilities {{/* .Release.IsUpgrade */}}"] = { false, false },
    } do
      local found = calls.read(text)
      assert.same(expected, { found.operation, found.cluster }, text)
    end
  end)

  it("of a text that tpl may render are stable or not", function()
    for text, expected in pairs {
      ["text"] = true,
      ["{ a: {} }"] = true,
      ["{{ .Values.x }}"] = true,
      ["{{ now }}"] = false,
      ["{{ open"] = false,
      ["\\x7b{ now }}"] = false,
      ["\\u007B\\u007Bnow}}"] = false,
    } do
      assert.equal(expected, calls.is_stable(text), text)
    end
  end)
end)
