-- Draws the rooms and arrows into docs/house.svg: make house.

local fs = require "o2x.base.fs"
local house = require "tests.support.house"
local picture = require "tests.support.house_picture"

fs.write("docs/house.svg", picture.svg(picture.dot(house.new(house.read "."))))
return 0
