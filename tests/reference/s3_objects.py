"""Objects of a bucket by botocore. Standard input: a JSON list of keys that are uploaded below "theirs/", each with its
key as content; output: {key: {"content": …, "run": metadata}} of all that is below "ours/"."""

import json
import sys

import botocore.session

endpoint, bucket = sys.argv[1:]
client = botocore.session.Session().create_client(
    "s3",
    region_name="us-east-1",
    endpoint_url=endpoint,
    aws_access_key_id="AKIAMOTO",
    aws_secret_access_key="secret-of-moto",
)
for key in json.load(sys.stdin):
    client.put_object(Bucket=bucket, Key="theirs/" + key, Body=key.encode(), Metadata={"run": "theirs"})
found = {}
for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="ours/"):
    for each in page.get("Contents", []):
        answer = client.get_object(Bucket=bucket, Key=each["Key"])
        found[each["Key"]] = {"content": answer["Body"].read().decode(), "run": answer["Metadata"].get("run")}
json.dump(found, sys.stdout)
