local chapters = require "tests.support.chapters"

describe("stdlib.diagnose.billing", function()
  -- A database of a healthy tenant; options set the rows of a table.
  local function run(options)
    local function rows(sql)
      if sql:find("from bill where status = $1", 1, true) then return options.bills or {} end
      if sql:find("from job_schedule", 1, true) then return options.jobs or {} end
      if sql:find("from invoice", 1, true) then return options.invoices or {} end
      error(sql)
    end
    local function one(sql)
      if sql:find("invoice_template", 1, true) then return { length = options.template or 100 } end
      if sql:find("from bill where tenant_id", 1, true) then return options.was_billed and { found = 1 } or nil end
      error(sql)
    end
    return chapters.run("billing", { pg = { tenant = { rows = rows, one = one } } }, { database = true })
  end

  local function job(changes)
    local row = { job_type = "BILLING", cron = "0 2 1 * *", status = "ACTIVE" }
    for key, value in pairs(changes) do
      row[key] = value
    end
    return row
  end

  local DAY = 86400
  -- A job that ran this many days ago.
  local function ran(days, cron)
    return job { cron = cron, last_run = "then", last = require("tests.support.stdlib").NOW - days * DAY }
  end

  it("finds nothing for a healthy tenant", function() assert.same({}, run { jobs = { ran(2) } }) end)

  it("finds nothing without a database", function() assert.same({}, chapters.run("billing", {}, {})) end)

  it("finds failed and pending bills", function()
    local found = run { bills = { { id = "B1" }, { id = "B2" } } }
    assert.same(
      { "critical bill: bills have failed", "critical bill: bills have been PENDING for more than an hour" },
      found
    )
  end)

  it(
    "finds a monthly job that missed its schedule",
    function() assert.same({ "critical job_schedule: job BILLING missed its schedule" }, run { jobs = { ran(70) } }) end
  )

  it("gives a monthly job half a month", function() assert.same({}, run { jobs = { ran(40) } }) end)

  it("reads weekly, daily and hourly schedules", function()
    for cron, days in pairs { ["0 2 * * 1"] = 11, ["0 2 * * *"] = 2, ["0 * * * *"] = 0.2 } do
      assert.equal(1, #run { jobs = { ran(days, cron) } }, cron)
      assert.equal(0, #run { jobs = { ran(days / 10, cron) } }, cron)
    end
  end)

  it("does not judge a job that has not run yet", function() assert.same({}, run { jobs = { job {} } }) end)

  it("quotes for SQL what a row has, since people paste it", function()
    local remedy = require("tests.support.stdlib").new().require "remedy"
    local job_type = "X'; drop table bill; --"
    local _, rows = run { jobs = { job { status = "PAUSED", job_type = job_type } } }
    local quoted = require("o2x.base.shell").quote(remedy.literal(job_type))
    assert.truthy(rows[1].mend:find(quoted:sub(2), 1, true), rows[1].mend)
  end)

  it("finds a paused job", function()
    local found = run { jobs = { job { status = "PAUSED" } } }
    assert.same({ "warning job_schedule: job BILLING is PAUSED" }, found)
  end)

  it(
    "finds a lost schedule",
    function() assert.same({ "critical job_schedule: no job is scheduled" }, run { was_billed = true }) end
  )

  it("does not expect a schedule of a new tenant", function() assert.same({}, run {}) end)

  it(
    "finds invoices without a document",
    function() assert.same({ "warning invoice: invoices have no document" }, run { invoices = { { id = "I1" } } }) end
  )

  it(
    "finds an empty invoice template",
    function()
      assert.same({ "critical core_config.invoice_template: there is no invoice template" }, run { template = 0 })
    end
  )
end)
