# Python's requests: what it gets over one session, as JSON. Proxy and authority come from the environment.
import json
import os

import requests

base = os.environ["AT"]
seen = []
with requests.Session() as session:
    for method, path, body in [
        ("GET", "/a", None),
        ("POST", "/echo", "posted"),
        ("GET", "/denied", None),
        ("PUT", "/denied", b"x" * 2_000_000),
        ("GET", "/file", None),
    ]:
        response = session.request(method, base + path, data=body)
        seen.append([response.status_code, response.text[:40]])
    with session.get(base + "/file", headers={"Range": "bytes=10-19"}, stream=True) as response:
        seen.append([response.status_code, response.raw.read(20).decode()])
print(json.dumps(seen))
