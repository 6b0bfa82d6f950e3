local M = {}
function M.sow() end
return M
