#!/usr/bin/env bash
# Looks at what onboarding made for newclient, with the commands of the platform's guide, one after the other. Needs the
# variables of `o2x lab env`. The answers go to standard output, for people to compare with the tenant's file.
set -euo pipefail
T=newclient DB=coredb-newclient NS=default DOMAIN=newclient.embrix.com ID=TIDLT-100008
vault_kv() { curl -fsS -H "X-Vault-Token: $VAULT_TOKEN" "$VAULT_ADDR/v1/secret/data/tenant/$T/$1"; }
QUEUES="org.apache.activemq:type=Broker,brokerName=*,destinationType=Queue"
sql() { psql -X -At -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }

# the database
sql enginedevdb "select id, status from core_config.tenant where name = '$T'"
sql enginedevdb "select * from core_config.tenant_profile where tenantid = '$ID'"
sql postgres "select datdba::regrole, encoding, datcollate, datconnlimit, datacl from pg_database where datname = '$DB'"
sql "$DB" "select version, checksum, success from flyway_schema_history order by installed_rank"
for table in tenant tenant_merchants oauth2_attributes finance_gateway_attributes payment_gateway_attributes \
	tax_gateway_attributes; do
	sql "$DB" "select * from core_config.$table where id = '$ID'"
done
for table in tenant_profile selfcare_config; do
	sql "$DB" "select * from core_config.$table where tenantid = '$ID'"
done
for table in feature_flags tenant_property_defaults invoice_template; do
	sql "$DB" "select * from core_config.$table where tenant_id = '$ID'"
done
sql "$DB" "select * from core_config.users where userid = 'admin@$T.com'"

# credentials, queues
for path in info quickbooks stripe avalara license/onboarding admin; do vault_kv "$path"; done
curl -fsS -u "$O2X_BROKER_USER:$O2X_BROKER_PASSWORD" -H 'Origin: http://localhost' \
	-H 'Content-Type: application/json' "$O2X_BROKER_URL/api/jolokia" \
	-d "{\"type\":\"read\",\"attribute\":[\"Name\",\"QueueSize\"],\"mbean\":\"$QUEUES,destinationName=$ID.*\"}"

# the cluster
helm list -n "$NS" -a --filter "^$T-"
kubectl get -n "$NS" deploy,svc,pods -l tenant=$T
kubectl get -n "$NS" pvc/$T-data-pvc secret/pg-secret secret/app-vault-token ingress/$T-ingress certificate/$T-tls-cert
kubectl get -n monitoring servicemonitor/$T-services prometheusrule/$T-alerts configmap/$T-dashboard
kubectl get -n ingress-nginx svc/ingress-nginx-controller
for app in $(kubectl get -n "$NS" deploy -l tenant=$T -o name); do
	kubectl logs -n "$NS" "$app" --tail=100 | grep -m1 Started
	kubectl get --raw "/api/v1/namespaces/$NS/services/${app#*/}:8080/proxy/actuator/health"
done

# how clients reach it
zone=$(aws route53 list-hosted-zones --query "HostedZones[?Name=='embrix.com.'].Id" --output text)
aws route53 list-resource-record-sets --hosted-zone-id "$zone" --start-record-name "$DOMAIN" --max-items 3
for host in "$DOMAIN" "api.$DOMAIN"; do
	dig +short @"${O2X_LAB_DNS%:*}" -p "${O2X_LAB_DNS##*:}" "$host" CNAME
	curl -sS -o /dev/null -I --cacert "$O2X_LAB_CA" --connect-to "::$O2X_LAB_HTTPS" "https://$host/"
done
