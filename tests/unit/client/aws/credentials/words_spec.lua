local words_of = require "o2x.client.aws.credentials.words"

describe("words", function()
  it("are those of a shell", function()
    for text, words in pairs {
      ["a b"] = { "a", "b" },
      ["  a   'b c' "] = { "a", "b c" },
      ['a"b \\" c"d e'] = { 'ab " cd', "e" },
      ["a\\ b"] = { "a b" },
      ["''"] = { "" },
      [""] = {},
    } do
      assert.same(words, words_of(text), text)
    end
    assert.is_nil(words_of "a 'b")
    assert.is_nil(words_of 'a "b')
  end)
end)
