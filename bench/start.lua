--- The start of a program: what every call of o2x costs, whatever it does.

local function says(text)
  return function(result) assert(result.stdout:find(text, 1, true), result.stdout) end
end

return {
  title = "start: version, help, list",
  differs = "kubectl and Python do more at their start; the floors do nothing else",
  rounds = 31,
  contenders = function()
    return {
      { name = "floor: empty C", argv = { "build/bench/empty" } },
      { name = "C and Lua", argv = { "build/bench/lua" }, check = says "Lua 5.4" },
      { name = "o2x version", argv = { "build/o2x", "version" }, check = says "Lua 5.4" },
      { name = "o2x help", argv = { "build/o2x", "help" }, check = says "Exit codes" },
      { name = "o2x list", argv = { "build/o2x", "list" }, check = says "onboard" },
      {
        name = "kubectl version --client",
        argv = { "kubectl", "version", "--client" },
        missing = "https://kubernetes.io/docs/tasks/tools",
      },
      { name = "python3 -c pass", argv = { "python3", "-c", "pass" }, missing = "apt-get install python3" },
      {
        name = "ansible --version",
        argv = { "ansible", "--version" },
        missing = "python3 -m pip install ansible-core",
      },
    }
  end,
  must = {
    { "o2x version", 2, "floor: empty C" },
    { "o2x help", 2, "floor: empty C" },
    { "o2x list", 2, "floor: empty C" },
  },
}
