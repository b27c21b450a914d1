"""`python -m server verify` and `release`: what they print and how they exit."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest

from server.__main__ import main
from server.game import draw
from server.store.schema import VERSION
from support.production import PRODUCTION

SEED = bytes(range(32))


def written(directory: Path, reply: object) -> str:
    path = directory / "proof.json"
    path.write_bytes(msgspec.json.encode(reply))
    return str(path)


def reply_of(proof: draw.Proof) -> dict[str, Any]:
    """Return a proof as `/getProof` replies with it."""
    return {"status": 0, "msg": "", **msgspec.structs.asdict(proof)}


def a_reply() -> dict[str, Any]:
    """Return the proof of a task that was dug to its end."""
    rules = draw.make_rules("Abcdefghij12", 3, 20, 5, 2)
    depths = draw.winning_depths(SEED, rules)
    digs: Any = [{"depth": depth, "is_prize": int(depth in depths)} for depth in range(1, depths[-1] + 1)]
    params = draw.encode_rules(rules)
    return reply_of(draw.make_proof(SEED, params, draw.commitment(SEED, rules), len(digs), digs))


def test_verify_without_a_commitment_says_that_none_was_given(tmp_path, capsys):
    assert main(["verify", written(tmp_path, a_reply())]) == 0
    assert "no --commitment was given" in capsys.readouterr().out


def test_verify_says_who_drew_and_holds_it_against_what_the_publisher_noted(tmp_path, capsys):
    ranks = (draw.Rank(fen=25, num=1, split=1),)
    halves = {"nonce": "0f" * 16, "seed_hash": draw.hash_seed(SEED)}
    rules = draw.make_rules("A" * 12, 1, 9, 0, 0, ranks=ranks, **halves)
    params = draw.encode_rules(rules)
    commitment = draw.commitment(SEED, rules)
    together = written(tmp_path, reply_of(draw.make_proof(SEED, params, commitment, 0, [])))
    noted = ["--seed-hash", draw.hash_seed(SEED).upper(), "--nonce", "0F" * 16]
    assert main(["verify", together, *noted]) == 0
    said = capsys.readouterr().out
    assert "the publisher's nonce 0f0f" in said
    assert "their ranks: 1\nwhat they pay, in fen: 25" in said
    assert main(["verify", together, "--nonce", "ab" * 16]) == 1
    assert "ab" * 16 in capsys.readouterr().out
    assert main(["verify", together, "--seed-hash", "cd" * 32]) == 1
    assert "cd" * 32 in capsys.readouterr().out
    alone = written(tmp_path, a_reply())
    assert main(["verify", alone]) == 0
    assert "drawn by the server alone" in capsys.readouterr().out
    assert main(["verify", alone, "--nonce", "0f" * 16]) == 1


@pytest.mark.parametrize(
    "content", [b"", b"not JSON", b"[]", b"\xff\xfe", b'{"status":0}', b'{"seed":1}', b"[" * 100_000]
)
def test_verify_says_in_one_line_what_it_cannot_read(tmp_path, capsys, content):
    path = tmp_path / "proof.json"
    path.write_bytes(content)
    assert main(["verify", str(path)]) == 2
    said = capsys.readouterr().err
    assert str(path) in said
    assert said.count("\n") == 1


def test_verify_says_that_a_file_or_a_server_is_not_there(tmp_path, capsys):
    assert main(["verify", str(tmp_path / "nothing.json")]) == 2
    assert main(["verify", "http://127.0.0.1:1/getProof?code=Abcdefghij12"]) == 2
    assert main(["verify", "http://["]) == 2
    assert capsys.readouterr().err.count("cannot be read") == 3


def test_verify_prints_the_refusal_of_a_task_that_has_not_ended(tmp_path, capsys):
    refusal = {"status": 1, "msg": "宝贝还没有结束", "error": "not_ended", "trace_id": "00"}
    assert main(["verify", written(tmp_path, refusal)]) == 2
    said = capsys.readouterr().err
    assert "not_ended" in said
    assert "宝贝还没有结束" in said


LONG_RULES = draw.make_rules("Abcdefghij12", 1_000, 1, 100, 7)
LONG_COMMITMENT = draw.commitment(SEED, LONG_RULES)
A_PAGE = 500


@pytest.fixture
def proof_url() -> Iterator[str]:
    """The URL of a proof with 1,000 prizes and about 100,000 digs, which a server gives in pages."""
    depths = draw.winning_depths(SEED, LONG_RULES)
    digs = [{"depth": depth, "is_prize": 0} for depth in range(1, depths[-1] + 1)]
    for depth in depths:
        digs[depth - 1]["is_prize"] = 1
    proof = {"seed": SEED.hex(), "params": draw.encode_rules(LONG_RULES), "commitment": LONG_COMMITMENT}
    proof |= {"winning_depths": depths, "dug": len(digs)}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            assert asked["code"] == [LONG_RULES.code]
            first = (int(asked["page"][0]) - 1) * A_PAGE
            self.send_response(200)
            self.end_headers()
            self.wfile.write(msgspec.json.encode(proof | {"digs": digs[first : first + A_PAGE]}))

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/getProof?code={LONG_RULES.code}"
        server.shutdown()
        thread.join()


def test_verify_fetches_all_pages_of_a_long_proof_from_its_url(proof_url, tmp_path, monkeypatch, capsys):
    assert main(["verify", proof_url, "--commitment", LONG_COMMITMENT]) == 0
    said = capsys.readouterr().out
    assert "all of it holds" in said
    assert f"digs: {draw.winning_depths(SEED, LONG_RULES)[-1]}, wins: 1000" in said
    page = httpx.get(f"{proof_url}&page=1").json()
    assert main(["verify", written(tmp_path, page), "--commitment", LONG_COMMITMENT]) == 1
    assert f"the proof has {A_PAGE} digs of {page['dug']}" in capsys.readouterr().out
    monkeypatch.setattr("server.__main__.PROOF_BYTES", 100_000)
    assert main(["verify", proof_url]) == 2
    assert "it has more than 0 MB" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["release", "release --unchecked", "check", "audit", "rotate"])
@pytest.mark.parametrize(("version", "age"), [(VERSION - 1, "older"), (VERSION + 1, "newer")])
def test_no_command_touches_data_of_another_version(
    own_uri, own_database, tmp_path, monkeypatch, capsys, command, version, age
):
    for name, value in (PRODUCTION | {"MONGODB_URI": own_uri, "DATA_DIR": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    own_database.meta.insert_one({"_id": "schema", "version": version})
    assert main(command.split()) == 2
    assert own_database.list_collection_names() == ["meta"]
    assert own_database.meta.count_documents({}) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"the data is of version {version}, {age} than version {VERSION} of this server" in line


def test_release_without_a_database_names_the_setting(monkeypatch, capsys):
    monkeypatch.delenv("MONGODB_URI", raising=False)
    assert main(["release"]) == 2
    assert "MONGODB_URI" in capsys.readouterr().err
