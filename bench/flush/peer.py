"""The removal of bench/flush.lua by redis-py, as its documentation has it. Arguments: PORT PREFIX."""

import sys

import redis

client = redis.Redis(port=int(sys.argv[1]))
pipeline = client.pipeline(transaction=False)
removed = 0
for key in client.scan_iter(match=sys.argv[2] + "*", count=1000):
    pipeline.unlink(key)
    if len(pipeline) == 1000:
        removed += sum(pipeline.execute())
removed += sum(pipeline.execute())
print(removed)
