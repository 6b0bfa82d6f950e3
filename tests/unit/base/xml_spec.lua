local defer = require "o2x.base.defer"
local xml = require("o2x.base.xml")

describe("XML", function()
  it("is read into elements", function()
    local root = xml.parse(
      '<?xml version="1.0"?>\n<A xmlns="u:x"><B>one &amp; <![CDATA[<two>]]></B><!-- no --><B/><C><D> x </D></C></A>'
    )
    assert.equal("A", root.name)
    assert.equal("one & <two>", root:value("B"))
    assert.equal("x", root:value("C", "D"))
    assert.equal(2, #root:all("B"))
    assert.is_nil(root:value("C", "E"))
    assert.is_nil(root:find("Nosuch"))
  end)

  it("is written, escaped, and read back", function()
    local text = xml.write({ "A", { "B", "<&>\"'" }, { "C", { "D", 5 } }, { "E" } }, "https://x/")
    assert.equal(
      '<?xml version="1.0" encoding="UTF-8"?>\n'
        .. '<A xmlns="https://x/"><B>&lt;&amp;&gt;&quot;&apos;</B><C><D>5</D></C><E/></A>',
      text
    )
    assert.equal("<&>\"'", xml.parse(text):value("B"))
    assert.has_error(function() xml.write({ "A", "\1" }) end)
  end)

  it("leaves its caller's to-be-closed variables alone", function()
    for _, text in ipairs({ "<a/>", "<a" }) do
      local closed = false
      do
        local _closer <close> = defer(function() closed = true end)
        pcall(xml.parse, text)
      end
      assert.is_true(closed)
    end
  end)

  it("is refused when it is not XML, or more than that", function()
    for _, text in ipairs({
      "",
      "x",
      "<a>",
      "<a></b>",
      "<a/><b/>",
      "<a b=c/>",
      "<a>&nosuch;</a>",
      "\0",
      "<a>\0</a>",
      "<a>\255</a>",
      '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
      '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
      ("<a>"):rep(100) .. ("</a>"):rep(100),
    }) do
      local ok, problem = pcall(xml.parse, text, "the answer")
      assert.is_false(ok, text)
      assert.truthy(tostring(problem):find("^the answer: line %d+: "), tostring(problem))
    end
  end)
end)
