"""The requests of bench/http.lua by requests: python3 bench/http/requests_peer.py URL COUNT"""
import sys

import requests

url, count = sys.argv[1], int(sys.argv[2])
session = requests.Session()
session.trust_env = False
session.headers = {"Authorization": "Bearer 0123456789", "Accept": "application/json"}
size = 0
for _ in range(count):
    answer = session.get(url, timeout=60)
    assert answer.status_code == 200
    size += len(answer.content)
print(f"{count} answers, {size} bytes")
