"""Digs a treasure as soon as each countdown is over, until it is won. An example for writers of clients.

    pip install httpx websockets
    python docs/client.py http://127.0.0.1:8000 小红 CODE
"""

import json
import secrets
import sys
import time

import httpx
from websockets.sync.client import connect

site, name, code = sys.argv[1:]
http = httpx.Client(base_url=site, timeout=10)
given = http.get("/sandbox/authorize", params={"user": name}).json()  # in a mini-program: wx.login
sent = {key: given[key] for key in ("code", "iv", "encryptedData")}
me = http.get("/userLogin", params=sent).raise_for_status().json()["data"]
bearer = {"Authorization": f"Bearer {me['token']}"}

ready_at, dig_id = 0.0, None  # by the clock of this machine; None: the last dig has its reply
with connect(f"{site.replace('http', 'ws', 1)}/ws?code={code}&ticks=0", additional_headers=bearer) as socket:
    while True:
        try:
            frame = json.loads(socket.recv(timeout=max(0.0, ready_at - time.time())))
        except TimeoutError:  # the countdown is over and nobody has dug: our turn
            dig_id = dig_id or secrets.token_hex(8)  # the same until a reply comes: then it is one dig
            asked = {"unionid": me["unionid"], "code": code, "dig_id": dig_id}
            reply = http.post("/postTask", json=asked, headers=bearer).json()
            if reply.get("error") in ("unavailable", "outcome_unknown"):
                ready_at = time.time() + 3  # ask again, with the same dig_id
                continue
            dig_id = None
            print(reply["msg"] or f"level {reply['now_depth']}: {'won' if reply['is_prize'] else 'nothing'}")
            if reply.get("is_prize") or (reply["status"] and reply["error"] != "cooling_down"):
                break
            ready_at = time.time() + reply["time"]
            continue
        if frame["type"] == "end" or frame.get("status") == 1:
            print("over")
            break
        if frame["type"] in ("snapshot", "cd"):
            ready_at = time.time() + frame["time"]
