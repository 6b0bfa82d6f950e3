-- The server writes a constraint in another way when it has read its own text: a table that an audit's command had made
-- again was different for ever.

local structure = require "o2x.effects.pg.structure"

local CASES <const> = {
  {
    "constraint",
    "CHECK (((status)::text = ANY (ARRAY[('A'::character varying)::text, ('B'::character varying)::text])))",
    "CHECK (((status)::text = ANY ((ARRAY['A'::character varying, 'B'::character varying])::text[])))",
    true,
  },
  { "constraint", "CHECK ((amount > (0)::numeric))", "CHECK ((amount > (1)::numeric))", false },
  { "constraint", "CHECK ((a = 'A'::text))", "CHECK ((a = 'B'::text))", false },
  { "function", "select (1)", "select 1", false },
}

describe("two texts of one thing", function()
  for _, case in ipairs(CASES) do
    local class, a, b, same = table.unpack(case)
    it(
      ("%s: %s"):format(same and "the same" or "different", a),
      function() assert.equal(same, structure.same({ class = class, text = a }, { class = class, text = b })) end
    )
  end
end)
