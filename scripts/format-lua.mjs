// Formats Lua files with StyLua (the pinned WebAssembly build, vendor/versions), which decides the form.
//   node scripts/format-lua.mjs [--check] FILE...      --check only names the files that would change; exit 1
import { readFileSync, writeFileSync } from "node:fs";

const pins = readFileSync(new URL("../vendor/versions", import.meta.url), "utf8");
const version = pins.match(/^stylua\s+(\S+)/m)[1];
const cache = `${process.env.XDG_CACHE_HOME || `${process.env.HOME}/.cache`}/o2x`;
const stylua = await import(`${cache}/stylua-${version}/package/stylua_lib_node.mjs`).catch(() => {
  console.error(`format-lua: StyLua ${version} is not in ${cache}; run vendor/bootstrap`);
  process.exit(3);
});

function settings() {
  const config = stylua.Config.new();
  config.syntax = stylua.LuaVersion.Lua54;
  config.column_width = 120;
  config.indent_type = stylua.IndentType.Spaces;
  config.indent_width = 2;
  config.call_parentheses = stylua.CallParenType.Input;
  config.collapse_simple_statement = stylua.CollapseSimpleStatement.Always;
  return config;
}

// Its first pass may leave what its second changes.
function settled(text) {
  for (let pass = 0; pass < 4; pass++) {
    const next = stylua.formatCode(text, settings(), undefined, stylua.OutputVerification.Full);
    if (next === text) break;
    text = next;
  }
  return text;
}

const [first, ...rest] = process.argv.slice(2);
const check = first === "--check";
let wrong = 0;
for (const path of check ? rest : [first, ...rest]) {
  const before = readFileSync(path, "utf8");
  let after;
  try {
    after = settled(before);
  } catch (problem) {
    console.error(`${path}: ${problem}`);
    wrong++;
    continue;
  }
  if (after === before) continue;
  if (check) {
    console.error(`${path}: not formatted; make format does it`);
    wrong++;
  } else {
    writeFileSync(path, after);
  }
}
process.exit(wrong ? 1 : 0);
