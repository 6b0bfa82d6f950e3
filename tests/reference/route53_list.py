"""The record sets of a hosted zone as botocore lists them: "name type count" each, sorted, as a JSON list."""

import json
import sys

import botocore.session

endpoint, zone = sys.argv[1:]
client = botocore.session.Session().create_client(
    "route53",
    region_name="us-east-1",
    endpoint_url=endpoint,
    aws_access_key_id="AKIAMOTO",
    aws_secret_access_key="secret-of-moto",
)
found = []
for page in client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone):
    for record in page["ResourceRecordSets"]:
        name = record["Name"].rstrip(".").replace("\\052", "*")
        found.append(f"{name} {record['Type']} {len(record['ResourceRecords'])}")
json.dump(sorted(found), sys.stdout)
