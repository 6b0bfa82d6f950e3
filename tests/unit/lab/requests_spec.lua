local temporary = require "tests.support.folder"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local requests = require "lab.requests"

describe("what the lab was asked", function()
  it("is counted by service, method and path, and reaches the handler", function()
    local counted, seen = requests.new(), {}
    local vault = requests.wrap(counted, "vault", function(req)
      seen[#seen + 1] = req.target
      return 200, {}, "fine"
    end)
    local k8s = requests.wrap(counted, "k8s", function() return 404 end)
    assert.same({ 200, {}, "fine" }, { vault { method = "GET", target = "/v1/x?list=true" } })
    vault { method = "GET", target = "/v1/x?list=true" }
    vault { method = "POST", target = "/v1/x" }
    assert.equal(404, k8s { method = "GET", target = "/v1/x" })
    assert.same({ "/v1/x?list=true", "/v1/x?list=true", "/v1/x" }, seen)
    assert.same({ ["vault GET /v1/x?list=true"] = 2, ["vault POST /v1/x"] = 1, ["k8s GET /v1/x"] = 1 }, counted.lines)
  end)

  it("stays small, whatever is asked", function()
    local counted = requests.new()
    local handle = requests.wrap(counted, "k8s", function() end)
    for i = 1, 10100 do
      handle { method = "GET", target = "/" .. i }
    end
    assert.same({ 10000, 100 }, { counted.different, counted.lines["k8s other"] })
  end)

  it("is noted with its body while there is a file for it", function()
    local folder <close> = temporary {}
    local counted = requests.new(folder.path)
    local path = fs.join(folder.path, requests.LOG)
    local aws = requests.wrap(counted, "aws", function() return 200 end)
    aws { method = "POST", target = "/", body = "Action=One" }
    assert.is_false(fs.exists(path))
    fs.write(path, "")
    aws { method = "POST", target = "/", body = "Action=Two" }
    requests.wrap(counted, "control", function() end) { method = "POST", target = "/fault" }
    assert.same({ service = "aws", method = "POST", target = "/", body = "Action=Two" }, json.decode(fs.read(path)))
  end)
end)
