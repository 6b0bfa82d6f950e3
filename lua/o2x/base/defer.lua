---Runs a function at the end of a block, however the block ends: `local _unlock <close> = defer(fn)`.

local Deferred = {}
Deferred.__close = function(self, problem) self.fn(problem) end

---@param fn fun(problem: any?) called once, at the end of the block; `problem` is the error that ends it, nil if none
---@return table to be held in a `<close>` variable
return function(fn) return setmetatable({ fn = fn }, Deferred) end
