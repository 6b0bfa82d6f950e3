--- Batches for a hosted zone "x.test", for tests/reference/route53_spec.lua. The lab must take or refuse each as Amazon
--- documents it (`refused`: the code); moto, an emulator by others, is asked too, and where it does something else,
--- `differs` says so. `first` is sent before.

local M = {}

local function change(action, name, kind, values, ttl)
  return { action = action, name = name, type = kind, values = values, ttl = ttl or 300 }
end

local A <const> = { "192.0.2.1" }
local LENIENT <const> = "moto does not look at it"

---@type { [1]: string, first: table?, changes: table, refused: string?, differs: string? }[]
M.LIST = {
  { "an address", changes = { change("CREATE", "a.x.test", "A", A) } },
  { "two addresses", changes = { change("CREATE", "a.x.test", "A", { "192.0.2.1", "192.0.2.2" }) } },
  { "an address of IPv6", changes = { change("CREATE", "a.x.test", "AAAA", { "2001:db8::1" }) } },
  { "a name with a dot at its end", changes = { change("CREATE", "a.x.test.", "A", A) } },
  {
    "a name in capitals",
    changes = { change("CREATE", "A.X.test", "A", A) },
    differs = "moto compares names with their case",
  },
  { "a wildcard", changes = { change("CREATE", "*.x.test", "CNAME", { "y.test" }) } },
  { "a name with an underscore", changes = { change("CREATE", "_dmarc.x.test", "TXT", { '"v=DMARC1"' }) } },
  { "an alias by name", changes = { change("CREATE", "c.x.test", "CNAME", { "y.test." }) } },
  { "mail", changes = { change("CREATE", "x.test", "MX", { "10 m1.x.test", "20 m2.x.test" }) } },
  { "a service", changes = { change("CREATE", "_s._tcp.x.test", "SRV", { "1 2 80 a.x.test" }) } },
  { "an authority", changes = { change("CREATE", "x.test", "CAA", { '0 issue "ca.test"' }) } },
  { "a text", changes = { change("CREATE", "t.x.test", "TXT", { '"v=spf1 -all"' }) } },
  { "a text of two strings", changes = { change("CREATE", "t.x.test", "TXT", { '"one" "two"' }) } },
  { "a text with a quotation mark", changes = { change("CREATE", "t.x.test", "TXT", { '"say \\"hi\\""' }) } },
  { "a text with bytes in octal", changes = { change("CREATE", "t.x.test", "TXT", { '"gr\\303\\274n"' }) } },
  { "a text of 255 bytes", changes = { change("CREATE", "t.x.test", "TXT", { '"' .. ("k"):rep(255) .. '"' }) } },
  { "no time to live at all", changes = { change("CREATE", "a.x.test", "A", A, 0) } },
  { "the longest time to live", changes = { change("CREATE", "a.x.test", "A", A, 2147483647) } },
  {
    "a batch that is in order only as a whole",
    first = { change("CREATE", "a.x.test", "A", A) },
    changes = { change("DELETE", "a.x.test", "A", A), change("CREATE", "a.x.test", "CNAME", { "y.test" }) },
  },
  { "an upsert of nothing", changes = { change("UPSERT", "a.x.test", "A", A) } },
  {
    "an upsert of something",
    first = { change("CREATE", "a.x.test", "A", A) },
    changes = { change("UPSERT", "a.x.test", "A", { "192.0.2.9" }, 60) },
  },
  {
    "a deletion",
    first = { change("CREATE", "a.x.test", "A", { "192.0.2.1", "192.0.2.2" }) },
    changes = { change("DELETE", "a.x.test", "A", { "192.0.2.2", "192.0.2.1" }) },
    differs = "moto compares values in their order",
  },

  -- ---- what Amazon refuses ----
  {
    "what is there already",
    first = { change("CREATE", "a.x.test", "A", A) },
    changes = { change("CREATE", "a.x.test", "A", { "192.0.2.2" }) },
    refused = "InvalidChangeBatch",
    differs = "moto takes another record set of that name and type",
  },
  { "a deletion of nothing", changes = { change("DELETE", "a.x.test", "A", A) }, refused = "InvalidChangeBatch" },
  {
    "a deletion with other values",
    first = { change("CREATE", "a.x.test", "A", A) },
    changes = { change("DELETE", "a.x.test", "A", { "192.0.2.2" }) },
    refused = "InvalidChangeBatch",
  },
  {
    "a deletion with another time to live",
    first = { change("CREATE", "a.x.test", "A", A) },
    changes = { change("DELETE", "a.x.test", "A", A, 60) },
    refused = "InvalidChangeBatch",
  },
  {
    "an alias by name beside an address",
    first = { change("CREATE", "a.x.test", "A", A) },
    changes = { change("CREATE", "a.x.test", "CNAME", { "y.test" }) },
    refused = "InvalidChangeBatch",
    differs = LENIENT,
  },
  {
    "an address beside an alias by name",
    first = { change("CREATE", "a.x.test", "CNAME", { "y.test" }) },
    changes = { change("CREATE", "a.x.test", "A", A) },
    refused = "InvalidChangeBatch",
    differs = LENIENT,
  },
  {
    "an alias by name for the zone itself",
    changes = { change("CREATE", "x.test", "CNAME", { "y.test" }) },
    refused = "InvalidChangeBatch",
    differs = LENIENT,
  },
  {
    "an alias by name with two values",
    changes = { change("CREATE", "c.x.test", "CNAME", { "y.test", "z.test" }) },
    refused = "InvalidChangeBatch",
    differs = LENIENT,
  },
  { "a name of another zone", changes = { change("CREATE", "a.y.test", "A", A) }, refused = "InvalidChangeBatch" },
  {
    "a name that only ends alike",
    changes = { change("CREATE", "ax.test", "A", A) },
    refused = "InvalidChangeBatch",
    differs = LENIENT,
  },
  {
    "an address that is none",
    changes = { change("CREATE", "a.x.test", "A", { "300.1.1.1" }) },
    refused = "InvalidChangeBatch",
    differs = LENIENT,
  },
  {
    "an address twice",
    changes = { change("CREATE", "a.x.test", "A", { "192.0.2.1", "192.0.2.1" }) },
    refused = "InvalidChangeBatch",
    differs = LENIENT,
  },
  {
    "a text without quotation marks",
    changes = { change("CREATE", "t.x.test", "TXT", { "bare" }) },
    refused = "InvalidChangeBatch",
    differs = LENIENT,
  },
  {
    "a text that does not end",
    changes = { change("CREATE", "t.x.test", "TXT", { '"open' }) },
    refused = "InvalidChangeBatch",
    differs = LENIENT,
  },
  {
    "a string of 256 bytes",
    changes = { change("CREATE", "t.x.test", "TXT", { '"' .. ("k"):rep(256) .. '"' }) },
    refused = "InvalidChangeBatch",
    differs = LENIENT,
  },
  {
    "a label of 64 bytes",
    changes = { change("CREATE", ("k"):rep(64) .. ".x.test", "A", A) },
    refused = "InvalidChangeBatch",
    differs = LENIENT,
  },
  {
    "a time to live below zero",
    changes = { change("CREATE", "a.x.test", "A", A, -1) },
    refused = "InvalidInput",
    differs = LENIENT,
  },
  {
    "a time to live without end",
    changes = { change("CREATE", "a.x.test", "A", A, 2147483648) },
    refused = "InvalidInput",
    differs = LENIENT,
  },
  {
    "half of a batch",
    changes = { change("CREATE", "a.x.test", "A", A), change("DELETE", "b.x.test", "A", A) },
    refused = "InvalidChangeBatch",
  },
}

return M
