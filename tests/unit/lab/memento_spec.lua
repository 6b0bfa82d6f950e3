-- What tables hold is kept and put back; each table stays the same table.

local memento = require "lab.memento"

describe("a memento", function()
  it("puts back what came, went and changed, and says whether anything did", function()
    local root = { a = 1, list = { { id = 1 }, { id = 2 } }, gone = { x = 1 } }
    local list, first = root.list, root.list[1]
    local kept = memento.keep(root)
    assert.is_false(memento.put_back(kept))
    root.a, root.new, root.gone = 2, {}, nil
    table.remove(root.list, 1)
    first.id = 9
    assert.is_true(memento.put_back(kept))
    assert.same({ a = 1, list = { { id = 1 }, { id = 2 } }, gone = { x = 1 } }, root)
    assert.is_true(root.list == list and root.list[1] == first)
  end)

  it("keeps tables that are in two places, and in themselves", function()
    local shared = { x = 1 }
    local root = { a = shared, b = shared }
    root.root = root
    local kept = memento.keep(root)
    root.a = { x = 2 }
    shared.x = 3
    memento.put_back(kept)
    assert.is_true(root.a == shared and root.b == shared and shared.x == 1)
  end)

  it("leaves alone what is deeper than it was told", function()
    local root = { one = { two = { x = 1 } } }
    local kept = memento.keep(root, 2)
    root.one.two.x = 2
    root.one.new = true
    memento.put_back(kept)
    assert.same({ one = { two = { x = 2 } } }, root)
  end)
end)
