-- The files of AWS's profiles: texts put together at random from what such files have, read by o2x and by botocore.

local ini = require "o2x.client.aws.credentials.ini"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local reference = require "tests.support.reference"

local PYTHON <const> = reference.find("aws", "bin/python3")
local COUNT <const>, SEED <const> = 3000, 53

local PIECES <const> = {
  "[a]",
  "[a] ; c",
  "[a]]",
  "[b]",
  "[profile x]",
  "[DEFAULT]",
  "[",
  "]",
  "x = 1",
  "y: 2",
  "X=3",
  "y=1=2",
  "x",
  "\u{fc} = \u{e9}",
  "k =",
  "key",
  "s3 =",
  "  a = b",
  "  z = 4",
  "   more",
  "=",
  ":",
  "#c",
  ";c",
  " # c",
  "'",
  '"',
  " ",
  "  ",
  "\t",
  "\r\n",
  "\n\n",
  "\n",
  "\n",
  "\n",
  "\n",
}

describe("files of AWS's profiles", function()
  if not PYTHON then return pending "botocore is not there: run vendor/reference aws" end

  local function make_texts()
    math.randomseed(SEED)
    local texts = {}
    for i = 1, COUNT do
      local parts = { math.random() < 0.7 and "[a]\n" or "" }
      for _ = 1, math.random(9) do
        parts[#parts + 1] = PIECES[math.random(#PIECES)]
      end
      texts[i] = table.concat(parts)
    end
    return texts
  end

  it("are read alike, or refused alike", function()
    local texts = make_texts()
    local result = proc.run {
      argv = { PYTHON, "tests/reference/aws_files.py" },
      stdin = json.encode(json.array(texts)),
      timeout = 120,
    }
    assert.equal(0, result.code, result.stderr)
    local refused = 0
    for i, theirs in ipairs(json.decode(result.stdout)) do
      local ok, ours = pcall(ini.parse, texts[i], "text")
      assert.equal(theirs ~= json.null, ok, json.encode(texts[i]))
      if ok then assert.same(theirs, ours, json.encode(texts[i])) end
      refused = refused + (ok and 0 or 1)
    end
    print(("aws_files: %d cases, %d alike (%d refused by both), 0 different on purpose"):format(COUNT, COUNT, refused))
  end)
end)
