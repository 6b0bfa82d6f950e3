--- The program's entry: the command line.
return function(...)
  io.stderr:write("o2x: no commands yet\n")
  return 3
end
