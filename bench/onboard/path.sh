#!/usr/bin/env bash
# The longest path of an onboarding, and nothing else: the tenant's database, then one release of each wave, one after
# the other. HELM=skip bench/onboard/guide.sh has made everything else. Needs the variables of `o2x lab env`.
set -euo pipefail
T=newclient DB=coredb-newclient
cd "$O2X_PLATFORM"
export PGOPTIONS="-c client_min_messages=warning"
psql -X -q -v ON_ERROR_STOP=1 -d postgres >/dev/null <<EOF
CREATE DATABASE "$DB" OWNER = admin ENCODING = 'UTF8' LC_COLLATE = '$O2X_PG_LOCALE' LC_CTYPE = '$O2X_PG_LOCALE'
	TEMPLATE = template0
EOF
files=()
for file in V1__ V1_1__ V1_2__ V2__ V2_1__ V2_2__ V2_3__ R__; do
	for path in engine/db/migration/"$file"*.sql; do files+=(-f "$path"); done
done
psql -X -q -1 -v ON_ERROR_STOP=1 -d "$DB" -c "CREATE SCHEMA IF NOT EXISTS core_config" "${files[@]}" >/dev/null
for service in service-sso service-transactional service-usage service-billing service-invoice service-revenue \
	jobs-common service-proxy; do
	helm upgrade --install "$T-$service" "./core/charts/$service" -f "core/helm_values/$T/$service.yaml" >/dev/null
done
