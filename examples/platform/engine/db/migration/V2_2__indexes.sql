CREATE INDEX idx_account_tenant_email ON account (tenant_id, email);
CREATE INDEX idx_subscription_customer ON subscription (customer_id);
CREATE INDEX idx_order_customer ON "order" (customer_id, created_date);
CREATE INDEX idx_bill_status_created ON bill (status, created_date);
CREATE INDEX idx_invoice_customer_date ON invoice (customer_id, invoice_date);
CREATE INDEX idx_payment_status_created ON payment (status, created_date);
CREATE INDEX idx_transaction_unit_time ON transaction (serviceunit_id, event_time);
