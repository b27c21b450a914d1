"""Many tasks, published quickly."""

from typing import Any

from support.client import Someone


async def publish_many(someone: Someone, *drafts: dict[str, Any]) -> list[str]:
    """Publish tasks one after the other, all with one picture; return their codes."""
    asked = await someone.draft(name="猫", forecast_num=9)
    codes = []
    for draft in drafts:
        reply = await someone.post("/postTask", **(asked | draft))
        assert reply["status"] == 0, reply
        codes.append(reply["code"])
    return codes


RED_PACKET = {"goods_type": 1, "url": None, "money": 8, "prize_num": 3, "interval": 2, "fluctuation": 1}
