"""A bare loop that makes the requests of ingests as they are, one after the other, and looks at nothing but the status.

`python bare_ingest.py URL USER PASSWORD FILE`: for each `start` the requests in FILE, a JSON line each: method, path,
body; `{pid}` in them is a new pid for each round. Tells the seconds.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from pathlib import Path

import httpx


def main() -> None:
    """Until its input ends."""
    url, user, password, file = sys.argv[1:5]
    print("ready", flush=True)
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        answer = client.post("/api/v3/auth/login", json={"username": user, "password": password})
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        for _ in sys.stdin:
            mark = uuid.uuid4().hex
            lines = Path(file).read_text(encoding="utf-8").replace("{round}", mark).splitlines()
            requests = [json.loads(line) for line in lines]
            begun = time.perf_counter()
            for method, path, body in requests:
                response = client.request(method, path, json=body, headers=headers)
                assert response.status_code < 300 or (method == "GET" and response.status_code == 404), response.text
            print(time.perf_counter() - begun, flush=True)


if __name__ == "__main__":
    main()
