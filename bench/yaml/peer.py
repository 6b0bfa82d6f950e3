# The work of bench/yaml*.lua by PyYAML with libyaml. Arguments: decode|encode|change FOLDER COUNT PATH VALUE.
import sys
import time

import yaml

mode, folder, count, path, value = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]


def load(i):
    with open(f"{folder}/{i}.yaml", encoding="utf-8") as file:
        return yaml.load(file.read(), Loader=yaml.CSafeLoader)


def dump(values):
    return yaml.dump(values, Dumper=yaml.CSafeDumper, default_flow_style=False, width=1 << 30)


decoded = [load(i) for i in range(1, count + 1)] if mode == "encode" else []
total = 0
start = time.perf_counter()
for i in range(1, count + 1):
    values = decoded[i - 1] if mode == "encode" else load(i)
    if mode == "change":
        target = values
        for key in path.split(".")[:-1]:
            target = target[key]
        target[path.split(".")[-1]] = value
    if mode != "decode":
        text = dump(values)
        total += len(text)
    if mode == "change":
        with open(f"{folder}/{i}.out", "w", encoding="utf-8") as file:
            file.write(text)
print(f"bytes: {total}\nfigure: {time.perf_counter() - start:.6f}")
