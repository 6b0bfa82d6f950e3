local fs = require "o2x.base.fs"
local mask = require "o2x.base.mask"
local proxy = require "o2x.client.proxy"
local raised = require "tests.support.raised"

local P <const> = "http://proxy:3128"

-- scheme, host, port, environment, the proxy (nil: none). As Go's net/http and, for ALL_PROXY, curl have it.
local CASES <const> = {
  { "https", "a.example", 443, {}, nil },
  { "https", "a.example", 443, { HTTPS_PROXY = P }, P },
  { "https", "a.example", 443, { https_proxy = P }, P },
  { "https", "a.example", 443, { HTTPS_PROXY = "http://upper:1", https_proxy = P }, "http://upper:1" },
  { "https", "a.example", 443, { HTTP_PROXY = P }, nil },
  { "http", "a.example", 80, { HTTP_PROXY = P }, P },
  { "http", "a.example", 80, { http_proxy = P }, P },
  { "http", "a.example", 80, { HTTPS_PROXY = P }, nil },
  { "https", "a.example", 443, { ALL_PROXY = P }, P },
  { "http", "a.example", 80, { all_proxy = P }, P },
  { "https", "a.example", 443, { HTTPS_PROXY = P, ALL_PROXY = "http://all:1" }, P },
  { "https", "a.example", 443, { HTTPS_PROXY = "proxy:3128" }, P },
  { "https", "a.example", 443, { HTTPS_PROXY = "http://proxy:3128/" }, P },
  { "https", "a.example", 443, { HTTPS_PROXY = "HTTP://proxy:3128" }, P },
  { "https", "a.example", 443, { HTTPS_PROXY = "https://proxy:3128" }, "https://proxy:3128" },
  { "https", "a.example", 443, { HTTPS_PROXY = "socks5://proxy:1080" }, "socks5h://proxy:1080" },
  { "https", "a.example", 443, { HTTPS_PROXY = "socks5h://proxy:1080" }, "socks5h://proxy:1080" },
  { "https", "a.example", 443, { HTTPS_PROXY = "http://[fd00::1]:8080" }, "http://[fd00::1]:8080" },
  { "https", "a.example", 443, { HTTPS_PROXY = "" }, nil },
  -- this machine
  { "https", "localhost", 6443, { HTTPS_PROXY = P }, nil },
  { "https", "127.0.0.1", 6443, { HTTPS_PROXY = P }, nil },
  { "https", "127.8.8.8", 6443, { HTTPS_PROXY = P }, nil },
  { "https", "[::1]", 6443, { HTTPS_PROXY = P }, nil },
  { "https", "[0:0:0:0:0:0:0:1]", 6443, { HTTPS_PROXY = P }, nil },
  { "http", "169.254.169.254", 80, { HTTP_PROXY = P }, nil },
  { "http", "169.255.0.1", 80, { HTTP_PROXY = P }, P },
  { "https", "128.0.0.1", 6443, { HTTPS_PROXY = P }, P },
  { "https", "localhost.example", 443, { HTTPS_PROXY = P }, P },
  -- NO_PROXY
  { "https", "a.example", 443, { HTTPS_PROXY = P, NO_PROXY = "*" }, nil },
  { "https", "a.example", 443, { HTTPS_PROXY = P, no_proxy = "a.example" }, nil },
  { "https", "a.example", 443, { HTTPS_PROXY = P, NO_PROXY = "b.example, a.example" }, nil },
  { "https", "a.example", 443, { HTTPS_PROXY = P, NO_PROXY = "b.example a.example" }, nil },
  { "https", "a.example", 443, { HTTPS_PROXY = P, NO_PROXY = "A.Example" }, nil },
  { "https", "a.example", 443, { HTTPS_PROXY = P, NO_PROXY = "example" }, nil },
  { "https", "a.example", 443, { HTTPS_PROXY = P, NO_PROXY = ".example" }, nil },
  { "https", "example", 443, { HTTPS_PROXY = P, NO_PROXY = ".example" }, P },
  { "https", "example", 443, { HTTPS_PROXY = P, NO_PROXY = "*.example" }, P },
  { "https", "a.example", 443, { HTTPS_PROXY = P, NO_PROXY = "*.example" }, nil },
  { "https", "aexample", 443, { HTTPS_PROXY = P, NO_PROXY = "example" }, P },
  { "https", "a.example", 443, { HTTPS_PROXY = P, NO_PROXY = "a.example:443" }, nil },
  { "https", "a.example", 8443, { HTTPS_PROXY = P, NO_PROXY = "a.example:443" }, P },
  { "https", "a.example", 443, { HTTPS_PROXY = P, NO_PROXY = "example:443" }, nil },
  { "https", "10.1.2.3", 443, { HTTPS_PROXY = P, NO_PROXY = "10.0.0.0/8" }, nil },
  { "https", "11.1.2.3", 443, { HTTPS_PROXY = P, NO_PROXY = "10.0.0.0/8" }, P },
  { "https", "10.1.2.3", 443, { HTTPS_PROXY = P, NO_PROXY = "10.1.2.3" }, nil },
  { "https", "10.1.2.3", 443, { HTTPS_PROXY = P, NO_PROXY = "10.1.2.3:443" }, nil },
  { "https", "10.1.2.3", 444, { HTTPS_PROXY = P, NO_PROXY = "10.1.2.3:443" }, P },
  { "https", "10.1.2.3", 443, { HTTPS_PROXY = P, NO_PROXY = "2.3" }, P },
  { "https", "192.168.5.1", 443, { HTTPS_PROXY = P, NO_PROXY = "192.168.4.0/22" }, nil },
  { "https", "192.168.8.1", 443, { HTTPS_PROXY = P, NO_PROXY = "192.168.4.0/22" }, P },
  { "https", "[fd00::5]", 443, { HTTPS_PROXY = P, NO_PROXY = "fd00::/8" }, nil },
  { "https", "[fe00::5]", 443, { HTTPS_PROXY = P, NO_PROXY = "fd00::/8" }, P },
  { "https", "[fd00::5]", 443, { HTTPS_PROXY = P, NO_PROXY = "fd00:0::5" }, nil },
  { "https", "[fd00::5]", 443, { HTTPS_PROXY = P, NO_PROXY = "[fd00::5]:443" }, nil },
  { "https", "10.1.2.3", 443, { HTTPS_PROXY = P, NO_PROXY = "10.0.0.0/33" }, P },
  { "https", "a.example", 443, { HTTPS_PROXY = P, NO_PROXY = "10.0.0.0/8,,b" }, P },
}

describe("the proxy of the environment", function()
  for i, case in ipairs(CASES) do
    local scheme, host, port, env, expected = table.unpack(case, 1, 5)
    local words = {}
    for name, value in pairs(env) do
      words[#words + 1] = ("%s=%s"):format(name, value)
    end
    table.sort(words)
    local url = ("%s://%s:%d"):format(scheme, host, port)
    it(
      ("%d: %s with %s"):format(i, url, table.concat(words, " ")),
      function() assert.equal(expected, (proxy.of(scheme, host, port, env))) end
    )
  end

  it(
    "is named by its variable",
    function() assert.equal("https_proxy", select(2, proxy.of("https", "a", 443, { https_proxy = P }))) end
  )

  it("may have a password, which is masked", function()
    local url = proxy.of("https", "a", 443, { HTTPS_PROXY = "http://me:correct%20horse@proxy:1" })
    assert.equal("http://me:correct%20horse@proxy:1", url)
    assert.is_nil(mask.text("correct horse"):find "horse")
  end)

  for _, text in ipairs {
    "ftp://x",
    "http://",
    "http://a b",
    "http:///b",
    "http://?b",
    "socks4://x",
    "://x",
    "http://a:b:c",
  } do
    it("is refused by name: " .. text, function()
      local problem = raised(proxy.of, "https", "a", 443, { HTTPS_PROXY = text })
      assert.equal("input", problem.kind)
      assert.equal("HTTPS_PROXY", problem.where)
    end)
  end

  it("does not show a password when it is refused", function()
    local problem = raised(proxy.of, "https", "a", 443, { HTTPS_PROXY = "ftp://me:hunter22@x" })
    assert.is_nil(tostring(problem):find "hunter22")
  end)
end)

describe("the authorities of the environment", function()
  it("are a file and a folder", function()
    assert.same({}, { proxy.authorities {} })
    local file = os.tmpname()
    fs.write(file, "-----BEGIN CERTIFICATE-----\n")
    assert.same({ file, "/c" }, { proxy.authorities { SSL_CERT_FILE = file, SSL_CERT_DIR = "/c" } })
    fs.remove(file)
    assert.matches("SSL_CERT_FILE", raised(proxy.authorities, { SSL_CERT_FILE = file .. "-none" }).message)
  end)
end)
