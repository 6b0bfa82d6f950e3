# The work of bench/json*.lua by Python's own module, which is in C. Arguments: decode|encode FILE TIMES.
import json
import sys
import time

mode, path, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(path, encoding="utf-8") as file:
    text = file.read()
value = json.loads(text)
total = 0
start = time.perf_counter()
for _ in range(times):
    if mode == "encode":
        total += len(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    else:
        json.loads(text)
print(f"bytes: {total}\nfigure: {time.perf_counter() - start:.6f}")
