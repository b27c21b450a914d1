"""Dig once through a running server, as two people: one publishes, the other digs.

Usage: python .ci/dig.py http://127.0.0.1:8000
"""

import io
import sys
from typing import Any

import httpx
from PIL import Image


def main(address: str) -> int:
    """Publish, dig and check all replies. Raises AssertionError if one is not as expected."""
    with httpx.Client(base_url=address, timeout=10) as client:
        publisher, digger = log_in(client, "alice", "小明"), log_in(client, "bob", "小红")
        picture = io.BytesIO()
        Image.new("RGB", (640, 480), "orange").save(picture, "JPEG")
        uploaded = checked(
            client.post(
                "/uploadFile",
                files={"file": ("cat.jpg", picture.getvalue())},
                data={"unionid": publisher["unionid"]},
                headers=bearer(publisher),
            )
        )
        assert client.get(uploaded["url"]).headers["Content-Type"] == "image/jpeg"
        task = {"goods_type": 2, "name": "一只猫", "prize_num": 1, "forecast_num": 1, "draw_type": 2}
        code = checked(post(client, publisher, **task, url=uploaded["url"]))["code"]
        dug = checked(post(client, digger, code=code))
        assert (dug["is_prize"], dug["now_depth"], dug["task_status"], dug["no"]) == (1, 1, 1, 1), dug
        assert dug["wxname"] == "小红", dug
        proof = checked(client.get("/getProof", params={"code": code}))
        assert proof["winning_depths"] == [1], proof
        assert client.get("/readyz").status_code == 200
        assert "wabao_digs_total" in client.get("/metrics").text
        sys.stdout.write(f"{digger['nickName']} dug {code} and won\n")
    return 0


def log_in(client: httpx.Client, user: str, nickname: str) -> dict[str, Any]:
    """Log a person in through the sandbox; return the `data` of userLogin."""
    given = client.get("/sandbox/authorize", params={"user": user, "nickname": nickname}).json()
    login = {name: given[name] for name in ("code", "iv", "encryptedData")}
    person: dict[str, Any] = checked(client.get("/userLogin", params=login))["data"]
    return person


def bearer(person: dict[str, Any]) -> dict[str, str]:
    """Return the header with a person's token."""
    return {"Authorization": f"Bearer {person['token']}"}


def post(client: httpx.Client, person: dict[str, Any], **parameters: Any) -> httpx.Response:
    """Call postTask as this person."""
    return client.post("/postTask", json={"unionid": person["unionid"], **parameters}, headers=bearer(person))


def checked(response: httpx.Response) -> dict[str, Any]:
    """Return a reply. Raises AssertionError if it is a refusal."""
    reply: dict[str, Any] = response.json()
    assert response.status_code == 200, response.text
    assert reply["status"] == 0, response.text
    return reply


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
