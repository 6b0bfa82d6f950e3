-- Lists the tenants of a project, as o2x list --tenants: FOLDER

local fs = require "o2x.base.fs"
local list = require "o2x.cli.list"

list.run({ tenants = true, set = { "platform=" .. fs.join(arg[2], "tree") } }, {})
