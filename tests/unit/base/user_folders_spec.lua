local user_folders = require "o2x.base.user_folders"

describe("the folders that variables name", function()
  for _, row in ipairs {
    { {}, nil, nil, nil },
    { { HOME = "/home/ada" }, "/home/ada", "/home/ada/.config", "/home/ada/.cache" },
    { { HOME = "/" }, "/", "/.config", "/.cache" },
    { { HOME = "" }, nil, nil, nil },
    { { HOME = "ada" }, nil, nil, nil },
    { { HOME = "/a", XDG_CONFIG_HOME = "/c", XDG_CACHE_HOME = "/d" }, "/a", "/c", "/d" },
    { { HOME = "/a", XDG_CONFIG_HOME = "", XDG_CACHE_HOME = "d" }, "/a", "/a/.config", "/a/.cache" },
    { { XDG_CONFIG_HOME = "/c" }, nil, "/c", nil },
  } do
    local env = row[1]
    it(("are absolute: %s %s"):format(env.HOME, env.XDG_CONFIG_HOME), function()
      assert.equal(row[2], user_folders.home(env))
      assert.equal(row[3], user_folders.config(env))
      assert.equal(row[4], user_folders.cache(env))
    end)
  end

  it("has one for temporary files, always", function() assert.equal("/", user_folders.temporary():sub(1, 1)) end)
end)
