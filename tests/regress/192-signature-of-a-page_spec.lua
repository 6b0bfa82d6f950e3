-- The query of a page that begins inside of a weighted set was not in the order that the signature requires: Amazon
-- refused it, and a zone with more than 300 record sets could not be read.

local http = require "o2x.client.http"
local httpd = require "lab.httpd"
local route53 = require "o2x.client.aws.route53"
local secret = require "o2x.base.secret"

local PAGE <const> = [[<R><ResourceRecordSets><ResourceRecordSet><Name>a.</Name><Type>A</Type></ResourceRecordSet>
</ResourceRecordSets><IsTruncated>%s</IsTruncated><NextRecordName>b.</NextRecordName><NextRecordType>A</NextRecordType>
<NextRecordIdentifier>s 1</NextRecordIdentifier></R>]]

describe("the query of a page", function()
  it("is in the order of its names", function()
    local queries = {}
    local server = httpd.serve {
      handler = function(request)
        queries[#queries + 1] = request.target:match "%?(.*)$" or ""
        return 200, {}, PAGE:format(tostring(#queries < 2))
      end,
    }
    local client = route53.new {
      endpoint = ("http://127.0.0.1:%d"):format(server.port),
      access_key = "a",
      secret_key = secret.new("secret-key", "k"),
    }
    client:records "Z"
    server:stop()
    assert.equal(("identifier=%s&name=b.&type=A"):format(http.percent_encode "s 1"), queries[2])
  end)
end)
