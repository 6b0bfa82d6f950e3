#!/usr/bin/env bash
# The database part of the guide, step by step: psql.sh FOLDER, with PG* in the environment.
set -euo pipefail
export PGOPTIONS="-c client_min_messages=warning"
psql=(psql -X -q -v ON_ERROR_STOP=1)

# Step 1: the next free id
"${psql[@]}" -d enginedevdb -c "SELECT id FROM core_config.tenant ORDER BY id DESC LIMIT 1;" >/dev/null
"${psql[@]}" -d enginedevdb -f "$1/control.sql"

# Step 2.1: the database
"${psql[@]}" -d postgres -f "$1/create.sql"

# Step 2.2: the migrations, with psql in the place of Flyway, and the look at what they made
for file in "$1"/migrations/*.sql; do
	"${psql[@]}" -1 -d coredb-newclient -f "$file"
done
"${psql[@]}" -d coredb-newclient -c '\dt public.*' -c '\dt core_config.*' >/dev/null

# Steps 2.3 and 3.1, and the customisation: rows, in one session
"${psql[@]}" -d coredb-newclient -f "$1/rows.sql"
"${psql[@]}" -d coredb-newclient -c "SELECT * FROM core_config.tenant WHERE id = 'TIDLT-100008';" >/dev/null
