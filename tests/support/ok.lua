--- Gives the result of a program back; fails with all that it printed unless it exited with 0.
return function(result)
  if result.code == 0 then return result end
  error(("exit %s %s\n%s\n%s"):format(result.code, result.signal, result.stdout, result.stderr), 2)
end
