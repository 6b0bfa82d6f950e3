--- The tenant's business in miniature: customers, orders, bills, invoices, payments, reports.
--- Each tenant's data are a plain table, so that they survive a restart of the lab.

local clock = require "o2x.base.clock"
local records = require "lab.business.records"

local M = {}

local Business = {}
Business.__index = Business

local KINDS = { "customers", "orders", "bills", "invoices", "payments", "reports" }

--- Opens a tenant's business.
---@param state table   the tenant's part of the lab's state
---@param options {tenant: string, tenant_id: string?, now: fun(): number, url: string}
---@return table business
function M.open(state, options)
  for _, kind in ipairs(KINDS) do
    state[kind] = state[kind] or {}
  end
  state.sequence = state.sequence or {}
  return setmetatable(
    { state = state, tenant = options.tenant, tenant_id = options.tenant_id, now = options.now, url = options.url },
    Business
  )
end

local function cents(amount) return math.floor(amount * 100 + 0.5) / 100 end

--- Adds an item, with its id and creation time.
---@param kind string list of the state: "customers", "orders" …
---@param prefix string of the id
---@param item table
---@return table item
function Business:add(kind, prefix, item)
  local number = (self.state.sequence[kind] or 0) + 1
  self.state.sequence[kind] = number
  item.id = ("%s-%06d"):format(prefix, number)
  item.createdAt = clock.iso(self.now())
  table.insert(self.state[kind], item)
  return item
end

--- An item by its id; raises NOT_FOUND.
---@param kind string
---@param id string
---@param what string for the message
---@return table item
function Business:get(kind, id, what)
  return records.find(self.state[kind], { id = id }) or records.reject("NOT_FOUND", "%s %s not found", what, id)
end

--- An external id may be used once. So a client can find out whether an interrupted request took effect.
---@param kind string
---@param external string?
---@param what string for the message
function Business:check_unused(kind, external, what)
  local other = external and records.find(self.state[kind], { externalId = external })
  if other then records.reject("CONFLICT", "%s with externalId %s already exists: %s", what, external, other.id) end
end

-- customers

--- Creates a customer.
---@param input table arguments of the GraphQL field
---@return table customer
function Business:create_customer(input)
  if not input.email:find("^[^@%s]+@[^@%s]+%.[^@%s]+$") then
    records.reject("BAD_USER_INPUT", "email %s is not an address", input.email)
  end
  self:check_unused("customers", input.externalId, "customer")
  local customer = self:add("customers", "CUST", {
    firstName = input.firstName,
    lastName = input.lastName,
    email = input.email:lower(),
    company = input.company,
    externalId = input.externalId,
    status = "ACTIVE",
  })
  customer.accountNumber = customer.id:gsub("CUST", "ACC")
  return customer
end

--- Changes the fields of a customer that are given.
---@param input table arguments of the GraphQL field
---@return table customer
function Business:update_customer(input)
  local customer = self:get("customers", input.id, "customer")
  for _, field in ipairs({ "firstName", "lastName", "email", "company", "status" }) do
    if input[field] ~= nil then customer[field] = input[field] end
  end
  return customer
end

--- The first item whose fields are as given; raises BAD_USER_INPUT when none is given.
---@param kind string
---@param input table field → value
---@param what string for the message
---@return table? item
function Business:find_one(kind, input, what)
  if not next(input) then records.reject("BAD_USER_INPUT", "%s: no id or other field is given", what) end
  return records.find(self.state[kind], input)
end

--- Finds a customer by id, email, external id or account number.
---@param input table arguments of the GraphQL field
---@return table? customer
function Business:get_customer(input)
  if input.email then input.email = input.email:lower() end
  return self:find_one("customers", input, "getCustomer")
end

-- orders

local function order_items(input)
  local items = {}
  for _, given in ipairs(input.items or {}) do
    local quantity, price = given.quantity or 1, given.price or given.unitPrice
    if type(quantity) ~= "number" or quantity <= 0 then records.reject("BAD_USER_INPUT", "quantity must be above 0") end
    if type(price) ~= "number" or price < 0 then
      records.reject("BAD_USER_INPUT", "price must be a number, 0 or above")
    end
    items[#items + 1] =
      { product = given.product or given.productCode or "STANDARD", quantity = quantity, price = cents(price) }
  end
  if not items[1] then
    items[1] = { product = input.product or "STANDARD", quantity = 1, price = cents(input.amount or 100) }
  end
  return items
end

--- Creates an order in status DRAFT.
---@param input table arguments of the GraphQL field
---@return table order
function Business:create_order(input)
  local customer = self:get("customers", input.customerId, "customer")
  self:check_unused("orders", input.externalId, "order")
  local items, total = order_items(input), 0
  for _, item in ipairs(items) do
    total = total + item.quantity * item.price
  end
  local order = self:add("orders", "ORD", {
    customerId = customer.id,
    externalId = input.externalId,
    status = "DRAFT",
    items = items,
    total = cents(total),
    currency = input.currency or "USD",
  })
  order.orderNumber = order.id
  return order
end

--- Submits an order; one that is submitted already stays as it is.
---@param input table arguments of the GraphQL field
---@return table order
function Business:submit_order(input)
  local order = self:get(
    "orders",
    input.id or input.orderId or records.reject("BAD_USER_INPUT", "submitOrder: no id is given"),
    "order"
  )
  if order.status == "DRAFT" then
    order.status, order.submittedAt = "SUBMITTED", clock.iso(self.now())
  end
  return order
end

-- billing

--- Creates the invoice of a bill, due in 30 days.
---@param bill table
function Business:invoice(bill)
  local invoice = self:add("invoices", "INV", {
    billId = bill.id,
    customerId = bill.customerId,
    amount = bill.amount,
    amountDue = bill.amount,
    currency = bill.currency,
    status = "OPEN",
  })
  invoice.invoiceNumber, invoice.dueDate = invoice.id, clock.today(self.now() + 30 * 86400)
  bill.invoiceId = invoice.id
end

--- Creates the bill of orders, and its invoice.
---@param customer string its id
---@param orders table[] in one currency
---@return table bill
function Business:bill(customer, orders)
  local amount = 0
  for _, order in ipairs(orders) do
    amount = amount + order.total
  end
  local bill = self:add("bills", "BILL", {
    customerId = customer,
    amount = cents(amount),
    currency = orders[1].currency,
    status = "BILLED",
    billDate = clock.today(self.now()),
  })
  bill.billNumber, bill.orderIds = bill.id, {}
  for i, order in ipairs(orders) do
    bill.orderIds[i], order.billId, order.status = order.id, bill.id, "BILLED"
  end
  self:invoice(bill)
  return bill
end

--- Bills every submitted order that has no bill yet, of one customer or of all.
---@param input table arguments of the GraphQL field customerId: only of this customer
---@return table run id, status, billsCreated, bills
function Business:trigger_billing(input)
  local by_customer, order_of = {}, {}
  for _, order in ipairs(self.state.orders) do
    if order.status == "SUBMITTED" and (not input.customerId or order.customerId == input.customerId) then
      if not by_customer[order.customerId] then
        by_customer[order.customerId] = {}
        order_of[#order_of + 1] = order.customerId
      end
      table.insert(by_customer[order.customerId], order)
    end
  end
  local bills = {}
  for i, customer in ipairs(order_of) do
    bills[i] = self:bill(customer, by_customer[customer])
  end
  return {
    id = ("RUN-%d"):format(self.now() * 1000 // 1 | 0),
    status = "COMPLETED",
    billsCreated = #bills,
    bills = bills,
  }
end

-- payments

--- Pays an invoice, or a part of it.
---@param input table arguments of the GraphQL field
---@return table payment
function Business:process_payment(input)
  local invoice = self:get("invoices", input.invoiceId, "invoice")
  self:check_unused("payments", input.externalId, "payment")
  local amount = cents(input.amount or invoice.amountDue)
  if invoice.status == "PAID" then records.reject("CONFLICT", "invoice %s is already paid", invoice.id) end
  if amount <= 0 or amount > invoice.amountDue then
    records.reject(
      "BAD_USER_INPUT",
      "amount %.2f is not between 0.01 and the %.2f due on %s",
      amount,
      invoice.amountDue,
      invoice.id
    )
  end
  local payment = self:add("payments", "PAY", {
    invoiceId = invoice.id,
    customerId = invoice.customerId,
    amount = amount,
    currency = invoice.currency,
    method = input.method or "CARD",
    externalId = input.externalId,
    status = "SUCCESS",
  })
  payment.paymentNumber, payment.processedAt = payment.id, payment.createdAt
  invoice.amountDue = cents(invoice.amountDue - amount)
  if invoice.amountDue == 0 then invoice.status = "PAID" end
  return payment
end

-- reports

local REPORTS = {
  REVENUE = { from = "payments", columns = { "paymentNumber", "invoiceId", "amount", "processedAt" } },
  INVOICES = { from = "invoices", columns = { "invoiceNumber", "customerId", "amount", "amountDue", "status" } },
  BILLING = { from = "bills", columns = { "billNumber", "customerId", "amount", "billDate" } },
  CUSTOMERS = { from = "customers", columns = { "accountNumber", "email", "status" } },
}

--- Generates a report.
---@param input table arguments of the GraphQL field type: BILLING, CUSTOMERS, INVOICES or REVENUE
---@return table report
function Business:generate_report(input)
  local kind = REPORTS[input.type:upper()]
  if not kind then
    records.reject("BAD_USER_INPUT", "report %s is not one of BILLING, CUSTOMERS, INVOICES, REVENUE", input.type)
  end
  self:check_unused("reports", input.externalId, "report")
  local rows = {}
  for i, item in ipairs(self.state[kind.from]) do
    rows[i] = {}
    for _, column in ipairs(kind.columns) do
      rows[i][column] = item[column]
    end
  end
  return self:add("reports", "RPT", {
    type = input.type:upper(),
    externalId = input.externalId,
    status = "COMPLETED",
    columns = kind.columns,
    rows = rows,
    rowCount = #rows,
  })
end

--- The invoice as a PDF; nil if it does not exist.
---@param id string
---@return string|nil pdf
function Business:invoice_pdf(id)
  local invoice = records.find(self.state.invoices, { id = id })
  if not invoice then return nil end
  local text = ("BT /F1 18 Tf 72 720 Td (Invoice %s) Tj 0 -28 Td (Amount: %.2f %s) Tj 0 -28 Td (Due: %s) Tj ET"):format(
    invoice.invoiceNumber,
    invoice.amount,
    invoice.currency,
    invoice.dueDate
  )
  return require("lab.pdf").page(text)
end

return M
