--- The program's entry: the command line.
return function(command, ...)
  if command == "lab" then return require("o2x.cli.lab").run { ... } end
  io.stderr:write("o2x: no such command yet\n")
  return 3
end
