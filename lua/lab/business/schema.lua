--- The GraphQL schema of a tenant's business (lab.business).

local records = require "lab.business.records"

local function by(method)
  return function(_, input, business) return business[method](business, input) end
end

local function some(kind)
  return function(_, input, business) return records.filter(business.state[kind], input) end
end

local function one(kind, id_field)
  return function(parent, _, business)
    local id = parent[id_field]
    return id and records.find(business.state[kind], { id = id })
  end
end

local function found(kind, what)
  return function(_, input, business) return business:find_one(kind, input, what) end
end

local QUERIES = {
  getTenantConfig = {
    type = "TenantConfig",
    input = { id = "ID" },
    resolve = function(_, input, business)
      local id = business.tenant_id or input.id
      if input.id and input.id ~= id then records.reject("NOT_FOUND", "tenant %s is not served here", input.id) end
      return { id = id, tenantId = id, tenantName = business.tenant, status = "ACTIVE" }
    end,
  },
  getCustomer = {
    type = "Customer",
    input = { id = "ID", email = "String", externalId = "String", accountNumber = "String" },
    resolve = by("get_customer"),
  },
  getOrder = {
    type = "Order",
    input = { id = "ID", orderNumber = "String", externalId = "String" },
    resolve = found("orders", "getOrder"),
  },
  getOrders = { type = "[Order]", input = { customerId = "ID", status = "String" }, resolve = some("orders") },
  getBills = { type = "[Bill]", input = { customerId = "ID", status = "String" }, resolve = some("bills") },
  getInvoices = {
    type = "[Invoice]",
    input = { customerId = "ID", billId = "ID", status = "String", id = "ID" },
    resolve = some("invoices"),
  },
  getPaymentHistory = {
    type = "[Payment]",
    input = { customerId = "ID", invoiceId = "ID", externalId = "String" },
    resolve = some("payments"),
  },
  getReportData = {
    type = "Report",
    input = { id = "ID", externalId = "String" },
    resolve = found("reports", "getReportData"),
  },
}

local MUTATIONS = {
  createCustomer = {
    type = "Customer",
    resolve = by("create_customer"),
    input = {
      firstName = "String!",
      lastName = "String!",
      email = "String!",
      company = "String",
      externalId = "String",
    },
  },
  updateCustomer = {
    type = "Customer",
    resolve = by("update_customer"),
    input = {
      id = "ID!",
      firstName = "String",
      lastName = "String",
      email = "String",
      company = "String",
      status = "String",
    },
  },
  createOrder = {
    type = "Order",
    resolve = by("create_order"),
    input = {
      customerId = "ID!",
      externalId = "String",
      items = "[OrderItemInput]",
      product = "String",
      amount = "Float",
      currency = "String",
    },
  },
  submitOrder = { type = "Order", input = { id = "ID", orderId = "ID" }, resolve = by("submit_order") },
  triggerBilling = { type = "BillingRun", input = { customerId = "ID" }, resolve = by("trigger_billing") },
  processPayment = {
    type = "Payment",
    resolve = by("process_payment"),
    input = { invoiceId = "ID!", amount = "Float", method = "String", externalId = "String" },
  },
  generateReport = {
    type = "Report",
    input = { type = "String!", externalId = "String" },
    resolve = by("generate_report"),
  },
}

return {
  query = "Query",
  mutation = "Mutation",
  types = {
    Query = QUERIES,
    Mutation = MUTATIONS,
    TenantConfig = { id = "ID", tenantId = "ID", tenantName = "String", status = "String" },
    Customer = {
      id = "ID",
      accountNumber = "String",
      externalId = "String",
      firstName = "String",
      lastName = "String",
      email = "String",
      company = "String",
      status = "String",
      createdAt = "String",
    },
    OrderItem = { product = "String", quantity = "Int", price = "Float" },
    Order = {
      id = "ID",
      orderNumber = "String",
      externalId = "String",
      customerId = "ID",
      status = "String",
      total = "Float",
      currency = "String",
      createdAt = "String",
      submittedAt = "String",
      billId = "ID",
      items = "[OrderItem]",
      customer = { type = "Customer", resolve = one("customers", "customerId") },
    },
    Bill = {
      id = "ID",
      billNumber = "String",
      customerId = "ID",
      orderIds = "[ID]",
      amount = "Float",
      currency = "String",
      status = "String",
      billDate = "String",
      createdAt = "String",
      invoiceId = "ID",
      invoice = { type = "Invoice", resolve = one("invoices", "invoiceId") },
    },
    Invoice = {
      id = "ID",
      invoiceNumber = "String",
      billId = "ID",
      customerId = "ID",
      amount = "Float",
      amountDue = "Float",
      currency = "String",
      status = "String",
      dueDate = "String",
      createdAt = "String",
      pdfUrl = {
        type = "String",
        resolve = function(invoice, _, business) return business.url .. "/api/v1/invoices/" .. invoice.id .. ".pdf" end,
      },
    },
    Payment = {
      id = "ID",
      paymentNumber = "String",
      externalId = "String",
      invoiceId = "ID",
      customerId = "ID",
      amount = "Float",
      currency = "String",
      method = "String",
      status = "String",
      processedAt = "String",
      invoice = { type = "Invoice", resolve = one("invoices", "invoiceId") },
    },
    BillingRun = { id = "ID", status = "String", billsCreated = "Int", bills = "[Bill]" },
    Report = {
      id = "ID",
      type = "String",
      externalId = "String",
      status = "String",
      columns = "[String]",
      rows = "[JSON]",
      rowCount = "Int",
      createdAt = "String",
    },
  },
}
