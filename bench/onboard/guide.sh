#!/usr/bin/env bash
# Onboards newclient as the platform's guide does: its commands, one after the other, against the lab. Needs the
# variables of `o2x lab env`. HELM=skip leaves helm and the waits for its services out.
set -euo pipefail
T=newclient DB=coredb-newclient NS=default
cd "$O2X_PLATFORM"
export PGOPTIONS="-c client_min_messages=warning"
quiet() { "$@" >/dev/null; }
sql() { psql -X -q -v ON_ERROR_STOP=1 -d "$1" -c "$2" >/dev/null; }
vault_kv() { # PATH JSON: `vault kv put` is this request
	curl -fsS -o /dev/null -X POST -H "X-Vault-Token: $VAULT_TOKEN" -d "{\"data\":$2}" \
		"$VAULT_ADDR/v1/secret/data/tenant/$T/$1"
}
secret() { openssl rand -hex 16; }

# 1 tenant id
last=$(psql -X -At -d enginedevdb -c "SELECT id FROM core_config.tenant
	WHERE id LIKE 'TIDLT-%' ORDER BY id DESC LIMIT 1")
ID=TIDLT-$((${last#TIDLT-} + 1))
sql enginedevdb "INSERT INTO core_config.tenant (id, name, vaulturi, vaultpath, licensekey, status)
	VALUES ('$ID', '$T', 'http://$T-vault-interface/', 'tenant/$T/production', 'onboarding', 'ACTIVE')"

# 2 database
sql postgres "CREATE DATABASE \"$DB\" OWNER = admin ENCODING = 'UTF8' LC_COLLATE = '$O2X_PG_LOCALE'
	LC_CTYPE = '$O2X_PG_LOCALE' TEMPLATE = template0 CONNECTION LIMIT = 100"
sql postgres "GRANT ALL PRIVILEGES ON DATABASE \"$DB\" TO admin"
sql postgres "GRANT CONNECT ON DATABASE \"$DB\" TO appuser"
# Flyway needs a second of Java to start; psql is what it can be at best, without its history.
sql "$DB" "CREATE SCHEMA IF NOT EXISTS core_config"
for file in V1__ V1_1__ V1_2__ V2__ V2_1__ V2_2__ V2_3__ R__; do
	for path in engine/db/migration/"$file"*.sql; do
		psql -X -q -1 -v ON_ERROR_STOP=1 -d "$DB" -f "$path" >/dev/null
	done
done
sql "$DB" "INSERT INTO core_config.tenant (id, name, vaulturi, vaultpath, licensekey, status)
	VALUES ('$ID', '$T', 'http://$T-vault-interface/', 'tenant/$T/production', 'onboarding', 'ACTIVE')"
sql "$DB" "INSERT INTO core_config.tenant_profile
	(tenantid, companyname, address, city, state, country, timezone, currency)
	VALUES ('$ID', 'New Client Inc.', '123 Main Street', 'New York', 'NY', 'USA', 'America/New_York', 'USD')"

# 3 integrations
merchant() { # INDEX NAME TYPE AUTH URL
	sql "$DB" "INSERT INTO core_config.tenant_merchants
		(id, tenant_id, index, name, type, status, authtype, apitype, baseurl)
		VALUES ('$ID', '$ID', $1, '$2', '$3', 'ACTIVE', '$4', 'REST', '$5')"
}
merchant 0 QUICKBOOKS FINANCE_GATEWAY OAUTH2 https://quickbooks.api.intuit.com
sql "$DB" "INSERT INTO core_config.oauth2_attributes (id, index, realmid, environment, redirecturi, state)
	VALUES ('$ID', 0, '123456789', 'PRODUCTION', 'https://$T.embrix.com/oauth2/callback', '$(secret)')"
sql "$DB" "INSERT INTO core_config.finance_gateway_attributes (id, index, subsidiary, accountingmethod, fiscalyearstart)
	VALUES ('$ID', 0, 'PRIMARY', 'ACCRUAL', '01-01')"
merchant 1 STRIPE PAYMENT_GATEWAY API_KEY https://api.stripe.com
sql "$DB" "INSERT INTO core_config.payment_gateway_attributes (id, index, capturemethod, paymentmethods, webhookurl)
	VALUES ('$ID', 1, 'AUTOMATIC', 'CARD,ACH', 'https://api.$T.embrix.com/webhooks/stripe')"
merchant 2 AVALARA TAX_GATEWAY BASIC https://rest.avatax.com
sql "$DB" "INSERT INTO core_config.tax_gateway_attributes (id, index, companycode, commitdocuments, addressvalidation)
	VALUES ('$ID', 2, 'NEWCLIENT', true, true)"
vault_kv info "{\"tenant_id\":\"$ID\",\"tenant_name\":\"$T\",\"environment\":\"production\"}"
vault_kv quickbooks "{\"client_id\":\"$(secret)\",\"client_secret\":\"$(secret)\",\"access_token\":\"$(secret)\",
	\"refresh_token\":\"$(secret)\",\"realm_id\":\"123456789\",\"token_expiry\":\"2030-01-01T00:00:00Z\"}"
vault_kv stripe "{\"api_key\":\"$(secret)\",\"webhook_secret\":\"$(secret)\",\"publishable_key\":\"$(secret)\"}"
vault_kv avalara "{\"account_id\":\"$(secret)\",\"license_key\":\"$(secret)\",\"company_code\":\"NEWCLIENT\"}"
vault_kv license/onboarding "{\"license_key\":\"$(secret)\",\"decrypt_key\":\"$(secret)\"}"
quiet curl -fsS -H "X-Vault-Token: $VAULT_TOKEN" "$VAULT_ADDR/v1/secret/data/tenant/$T/quickbooks"

# 4 values: copied from an existing tenant and changed
for folder in core payment-gateway tax-gateway finance-gateway provision_gateway crm_gateway; do
	mkdir -p "$folder/helm_values/$T"
	for file in "$folder"/helm_values/urbanos/*.yaml; do
		sed -e "s/urbanos/$T/g; s/TIDLT-[0-9]*/$ID/; s/env: development/env: production/" \
			-e 's/master\.development/master.production/' "$file" >"$folder/helm_values/$T/${file##*/}"
	done
done

# 5 Kubernetes
quiet kubectl apply -f - <<EOF
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: $T-data-pvc, namespace: $NS, labels: { tenant: $T } }
spec:
  accessModes: [ReadWriteMany]
  storageClassName: efs-sc
  resources: { requests: { storage: 100Gi } }
EOF
quiet kubectl get pvc "$T-data-pvc"
quiet kubectl get secret pg-secret app-vault-token
deploy() { # FOLDER RELEASE
	[ "${HELM:-}" != skip ] || return 0
	quiet helm upgrade --install "$T-$2" "./$1/charts/$2" -f "$1/helm_values/$T/$2.yaml" --namespace "$NS" \
		--wait --timeout 10m
}
for service in sso transactional billing invoice payment revenue usage mediation; do
	deploy core "service-$service"
done
deploy core batch-process
deploy core jobs-common
deploy core service-proxy
for gateway in finance payment tax; do deploy "$gateway-gateway" "$gateway-gateway"; done
for gateway in provision crm; do deploy "${gateway}_gateway" "$gateway-gateway"; done

# 6 ingress and DNS
mkdir -p k8s/ingress monitoring alerts
cat >"k8s/ingress/$T-ingress.yaml" <<EOF
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: $T-ingress
  namespace: $NS
  annotations:
    kubernetes.io/ingress.class: nginx
    cert-manager.io/cluster-issuer: letsencrypt-prod
spec:
  tls: [{ hosts: [$T.embrix.com, api.$T.embrix.com], secretName: $T-tls-cert }]
  rules:
  - host: $T.embrix.com
    http:
      paths:
      - { path: /, pathType: Prefix, backend: { service: { name: $T-service-proxy, port: { number: 8080 } } } }
  - host: api.$T.embrix.com
    http:
      paths:
      - { path: /graphql, pathType: Prefix, backend: { service: { name: $T-service-proxy, port: { number: 8080 } } } }
      - { path: /api, pathType: Prefix, backend: { service: { name: $T-service-proxy, port: { number: 8080 } } } }
EOF
quiet kubectl apply -f "k8s/ingress/$T-ingress.yaml"
quiet kubectl get ingress "$T-ingress"
zone=$(aws --endpoint-url "$AWS_ENDPOINT_URL" route53 list-hosted-zones \
	--query "HostedZones[?Name=='embrix.com.'].Id" --output text | cut -d/ -f3)
balancer=$(kubectl get svc -n ingress-nginx ingress-nginx-controller \
	-o jsonpath='{.status.loadBalancer.ingress[0].hostname}')
for name in "$T.embrix.com" "api.$T.embrix.com" "*.$T.embrix.com"; do
	quiet aws --endpoint-url "$AWS_ENDPOINT_URL" route53 change-resource-record-sets --hosted-zone-id "$zone" \
		--change-batch "{\"Changes\":[{\"Action\":\"CREATE\",\"ResourceRecordSet\":{\"Name\":\"$name\",\"Type\":\"CNAME\",
			\"TTL\":300,\"ResourceRecords\":[{\"Value\":\"$balancer\"}]}}]}"
done
for name in "$T.embrix.com" "api.$T.embrix.com"; do
	until [ -n "$(dig +short @"${O2X_LAB_DNS%:*}" -p "${O2X_LAB_DNS##*:}" "$name" CNAME)" ]; do sleep 0.1; done
done

# 7 administrator and tests
# shellcheck disable=SC2016 # it is no variable
hash='$2a$10$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW' # made on a web page, as people do
sql "$DB" "INSERT INTO core_config.users (id, userid, password, email, firstname, lastname, type, status, category)
	VALUES (gen_random_uuid()::text, 'admin@$T.com', '$hash', 'admin@$T.com', 'Admin', 'User', 'INTERNAL', 'ACTIVE',
	'SYSTEM_ADMIN')"
if [ "${HELM:-}" != skip ]; then
	for service in transactional billing invoice payment revenue usage; do
		quiet kubectl get --raw "/api/v1/namespaces/$NS/services/$T-service-$service:8080/proxy/actuator/health"
	done
fi

# 8 monitoring and alerts
cat >"monitoring/servicemonitor-$T.yaml" <<EOF
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: { name: $T-services, namespace: monitoring, labels: { tenant: $T } }
spec:
  selector: { matchLabels: { tenant: $T } }
  endpoints: [{ port: metrics, interval: 30s, path: /actuator/prometheus }]
EOF
quiet kubectl apply -f "monitoring/servicemonitor-$T.yaml"
cat >"alerts/$T-alerts.yaml" <<EOF
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: { name: $T-alerts, namespace: monitoring, labels: { tenant: $T } }
spec:
  groups:
  - name: $T
    interval: 30s
    rules:
    - alert: NewClientServiceDown
      expr: up{tenant="$T"} == 0
      for: 2m
      labels: { severity: critical, tenant: $T }
EOF
quiet kubectl apply -f "alerts/$T-alerts.yaml"

# 9 documents
printf '# %s (%s)\n' "$T" "$ID" >"docs/runbooks/TENANT_$T.md"
printf '\n## %s (%s)\n- **Status:** Active\n' "$T" "$ID" >>docs/TENANT_INVENTORY.md
