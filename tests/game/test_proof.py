"""A real proof: the command accepts it, and finds each way of tampering with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from server.__main__ import main

Change = Callable[[dict[str, Any]], None]


def _params(proof: dict[str, Any], **changes: Any) -> None:
    proof["params"] = json.dumps(json.loads(proof["params"]) | changes, sort_keys=True, separators=(",", ":"))


CHANGES: dict[str, Change] = {
    "another seed": lambda proof: proof.update(seed="0" * 64),
    "another commitment": lambda proof: proof.update(commitment="0" * 64),
    "a prize elsewhere": lambda proof: proof["winning_depths"].__setitem__(0, proof["winning_depths"][0] + 1),
    "a prize less": lambda proof: proof["winning_depths"].pop(),
    "a win that was none": lambda proof: next(d for d in proof["digs"] if not d["is_prize"]).update(
        is_prize=1
    ),
    "a win kept back": lambda proof: next(d for d in proof["digs"] if d["is_prize"]).update(is_prize=0),
    "a dig left out": lambda proof: proof["digs"].pop(1),
    "a dig twice": lambda proof: proof["digs"].insert(1, dict(proof["digs"][1])),
    "digs below the ground": lambda proof: proof["digs"].extend(
        {"depth": depth, "is_prize": 0} for depth in range(len(proof["digs"]) + 1, 40)
    ),
    "easier rules": lambda proof: _params(proof, interval=2),
    "deeper rules": lambda proof: _params(proof, max_depth=100),
    "another task's": lambda proof: _params(proof, code="A" * 12),
    "params spelled otherwise": lambda proof: proof.update(params=proof["params"].replace(",", ", ")),
}


async def test_the_command_accepts_a_real_proof_and_finds_each_change(client, settings, tmp_path, capsys):
    alice, bob, carol, dave = await client.log_in_all("alice", "bob", "carol", "dave")
    code = await alice.publish(prize_num=3, forecast_num=12, interval=4, fluctuation=1)
    commitment = (await bob.get("/getTaskDetails", code=code))["commitment"]

    async def verify(*arguments: str) -> tuple[int, str]:
        exit_code = await asyncio.to_thread(main, ["verify", *arguments])
        said = capsys.readouterr()
        return exit_code, said.out + said.err

    url = f"http://127.0.0.1:{settings.port}/getProof?code={code}"
    assert await verify(url, "--commitment", commitment) == (
        2,
        f"{url} is not a proof: the reply is a refusal, not_ended: 宝贝还没有结束，结束后才能查看验证信息\n",
    )
    ended, depth = False, 0
    while not ended:
        for who in (bob, carol, dave):
            reply = await who.dig(code)
            if reply["status"] == 0:
                ended, depth = bool(reply["task_status"]), reply["now_depth"]
                if ended:
                    break
    proof = await client.get("/getProof", code=code)
    file = tmp_path / "proof.json"
    file.write_bytes((await client.http.get("/getProof", params={"code": code})).content)
    for source in (url, str(file)):
        exit_code, said = await verify(source, "--commitment", commitment)
        assert exit_code == 0, said
        assert said.splitlines()[0] == "all of it holds, compared with the commitment given"
        assert f"digs: {depth}, wins: 3" in said
    assert (await verify(url, "--commitment", commitment.upper()))[0] == 0
    assert (await verify(url, "--commitment", "0" * 64))[0] == 1
    for kind, change in CHANGES.items():
        changed = json.loads(json.dumps(proof))
        change(changed)
        file.write_text(json.dumps(changed))
        exit_code, said = await verify(str(file), "--commitment", commitment)
        assert exit_code == 1, (kind, said)
        assert said.strip(), kind
