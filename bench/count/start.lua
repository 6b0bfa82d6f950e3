-- What starts at once, and the checks that every editor and commit hook runs.
return function(count)
  local counts = {}
  for _, words in ipairs { "version", "list", "help", "check onboard", "runs" } do
    local argv = { "build/o2x" }
    for word in words:gmatch "%S+" do
      argv[#argv + 1] = word
    end
    counts[words .. ", instructions"] = count.instructions(argv, { env = { O2X_STATE = count.folder } })
  end
  return counts
end
