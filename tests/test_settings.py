"""The settings: how they are read, what stops the start, and the secret that development makes."""

import os
import re
import secrets
import stat
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import CertificateBuilder, Name, NameAttribute
from cryptography.x509.oid import NameOID

from devtools.sandbox import Sandbox
from server.__main__ import main
from server.context import Context
from server.errors import BadSettings
from server.running.stores import free_port, missing_stores
from server.running.worker import look_at_data
from server.settings import GUARDED_DEFAULTS, Settings, check_secret, read_settings, secrets_of
from support import SOURCE
from support.production import KEY, MERCHANT, PRIVATE_KEY, PRODUCTION, PUBLIC_KEY
from support.servers import Running

REAL = {"WECHAT_APPID": "wx1", "WECHAT_SECRET": "s"}
PAID = {
    **REAL,
    "PUBLIC_URL": "https://wabao.invalid",
    "SECRET_KEY": PRODUCTION["SECRET_KEY"],
    "OPS_TOKEN": PRODUCTION["OPS_TOKEN"],
    "CASH": "1",
    **MERCHANT,
}
GOODS_ONLY = {**PRODUCTION, "CASH": "", **dict.fromkeys(MERCHANT, "")}
NAME = Name([NameAttribute(NameOID.COMMON_NAME, "Tenpay.com")])
AT = datetime(2024, 1, 1, tzinfo=UTC)
MADE = CertificateBuilder(NAME, NAME, KEY.public_key(), 5, AT, AT + timedelta(days=1))
CERTIFICATE = MADE.sign(KEY, SHA256()).public_bytes(Encoding.PEM).decode()


def refusal(given: dict[str, str]) -> str:
    """Return the one line with which these settings are refused."""
    with pytest.raises(BadSettings) as refused:
        read_settings(given)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_start_without_the_embedded_store_says_in_one_line_what_it_needs(tmp_path):
    hidden = "import runpy, sys; sys.modules['secantus'] = None; runpy.run_module('server', None, '__main__')"
    given = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "PORT": str(free_port())}
    command = [sys.executable, "-c", hidden]
    said = subprocess.run(command, env=given, cwd=SOURCE, capture_output=True, text=True, timeout=30)
    assert (said.returncode, said.stderr) == (
        2,
        "SecantusDB is not installed: set MONGODB_URI, or pip install -e '.[embedded]' "
        "(SecantusDB needs Python 3.11 to 3.13)\n",
    )


def test_an_empty_environment_gives_a_development_server():
    settings = read_settings({})
    assert settings.port == 8000
    assert settings.app_env == "development"
    assert settings.web_concurrency == 1
    assert (settings.cooldown_seconds, settings.fair_start_ms) == (10, 800)
    assert settings.sandboxed
    assert settings.public_url == "http://127.0.0.1:8000"


def test_numbers_are_read_from_text_and_empty_text_is_no_value():
    settings = read_settings(
        {"PORT": " 8123 ", "WEB_CONCURRENCY": "3", "COOLDOWN_SECONDS": "", "MONGODB_URI": " "}
    )
    assert (settings.port, settings.web_concurrency, settings.cooldown_seconds) == (8123, 3, 10)
    assert settings.mongodb_uri == ""


PUSHED = {"WECHAT_PUSH_TOKEN": "AAAAA", "WECHAT_ENCODING_AES_KEY": "a" * 43}
UNCHECKED = {**PRODUCTION, "WECHAT_PUSH_TOKEN": "", "WECHAT_ENCODING_AES_KEY": ""}
BAD = {
    "PORT": ("http", "0", "65536"),
    "APP_ENV": ("staging",),
    "REQUIRE_TOKEN": ("2",),
    "COOLDOWN_SECONDS": ("-1", "3601"),
    "FAIR_START_MS": ("-1", "3001"),
    "MAX_RED_PACKET_YUAN": ("0",),
    **dict.fromkeys(("WEB_CONCURRENCY", "TASK_DAYS", "CLAIM_DAYS", "SOCKETS_A_PERSON"), ("0",)),
    "MONGODB_URI": ("http://db",),
    "REDIS_URL": ("localhost:6379",),
    "PUBLIC_URL": ("wabao.example",),
    "SECRET_KEY": ("short",),
    "SECRET_KEYS": (f"{'n' * 32},short", f"{'n' * 32},", ","),
    "TRUSTED_PROXIES": ("10.0.0.0/33", "10.0.0.0/8, 0.0.0.0/0"),
    "WECHAT_APPID": ("wx1",),
    "WECHAT_PUSH_TOKEN": ("AA",),
    "WECHAT_ENCODING_AES_KEY": ("a" * 43,),
}
ASKED = "WECHAT_ENCODING_AES_KEY must have 43 letters or digits, and it has "
WRONG_KEYS = {
    "b" * 42: f"{ASKED}42 characters$",
    "b" * 44: f"{ASKED}44 characters$",
    "b" * 42 + "=": f"{ASKED}others$",
    "b" * 42 + "é": f"{ASKED}others$",
}
KEYS = [name for name in MERCHANT if name != "PAY_ORDER_KIND"]
# Settings, what is changed in them, and how the one line about them begins.
REFUSED: list[tuple[dict[str, str], dict[str, str], str]] = [
    *(({}, {name: value}, f".*{name}") for name in BAD for value in BAD[name]),
    *((PRODUCTION, {name: ""}, f".*{name}") for name in sorted(PRODUCTION.keys() - {"APP_ENV"})),
    *((PRODUCTION, {name: PRODUCTION[name][:-1]}, f".*{name}") for name in ("SECRET_KEY", "OPS_TOKEN")),
    *((PAID, {name: ""}, f"WECHAT_MCHID also needs {name}$") for name in ("SECRET_KEY", "OPS_TOKEN")),
    *((PAID, {name: ""}, f"WeChat Pay also needs {name}$") for name in KEYS),
    *((PAID, dict.fromkeys(MERCHANT.keys() - {name}, ""), "WeChat Pay also needs ") for name in KEYS),
    (PAID, {"PAY_ORDER_KIND": ""}, ".*PAY_ORDER_KIND"),
    (PAID, {"WECHAT_APPID": "", "WECHAT_SECRET": ""}, ".*WECHAT_APPID"),
    (PAID, {"PUBLIC_URL": "http://wabao.invalid"}, ".*PUBLIC_URL must begin with https://"),
    (PAID, {"WECHAT_PLATFORM_CERT": PUBLIC_KEY}, "WECHAT_PLATFORM_CERT must be the text of"),
    ({}, {"WECHAT_PLATFORM_CERT": CERTIFICATE}, "WECHAT_PLATFORM_CERT also needs WECHAT_MCHID"),
    (GOODS_ONLY, {"CASH": "1"}, "CASH=1 also needs the merchant .*WECHAT_MCHID"),
    (REAL, {"CASH": "1"}, "CASH=1 also needs the merchant .*WECHAT_MCHID"),
    (PRODUCTION, {"CASH": ""}, "WECHAT_MCHID is for red packets, which CASH=1 turns on"),
    (REAL, {"WECHAT_PUSH_TOKEN": "AAAAA"}, ".*set together"),
    *((PUSHED, {"WECHAT_PUSH_TOKEN": token}, ".*WECHAT_PUSH_TOKEN") for token in ("AA", "A" * 33, "AA-A")),
    *((PUSHED, {"WECHAT_ENCODING_AES_KEY": key}, WRONG_KEYS[key]) for key in WRONG_KEYS),
    (UNCHECKED, {}, "APP_ENV=production also needs WECHAT_PUSH_TOKEN with .*CONTENT_CHECKS=0"),
]


@pytest.mark.parametrize(("given", "changes", "begins"), REFUSED)
def test_a_bad_or_missing_value_is_told_in_one_line_that_names_it(given, changes, begins):
    said = refusal({**given, **changes})
    assert re.match(begins, said)
    key = changes.get("WECHAT_ENCODING_AES_KEY")
    assert not key or key not in said


def test_production_names_all_that_is_missing_at_once():
    said = refusal({"APP_ENV": "production"})
    assert all(name in said for name in PRODUCTION.keys() - MERCHANT.keys() - {"APP_ENV", "CASH"})


def test_message_push_turns_checks_on_and_is_in_plain_mode_only_in_a_sandbox():
    assert not read_settings({}).checks_content
    assert read_settings({"WECHAT_PUSH_TOKEN": "AAAAA"}).checks_content
    assert read_settings(PUSHED).checks_content


WEAK = [
    "1",
    "x" * 64,
    "password" * 8,
    "0123456789abcdef" * 2,
    "qwertyuiopasdfghjklzxcvbnm1234567890",
    "wabao-operator-token-2026-for-the-server",
    "zhenhaowan-caozuoyuan-2026-wabao",
    "13800138000-wabao-20261128-operator",
    "我的挖宝服务器操作员口令二〇二六年十一月二十八日我的挖宝服务器操作员口令",
]
# The strict rules hold in production, and for a development server with a real merchant.
EARNEST = [PAID, PRODUCTION]


@pytest.mark.parametrize(
    ("value", "given", "name"), [*zip(WEAK, cycle(EARNEST), cycle(("SECRET_KEY", "OPS_TOKEN", "OPS_TOKEN")))]
)
def test_no_secret_that_is_easy_to_guess_is_taken_or_shown_where_it_matters(given, name, value):
    said = refusal({**given, name: value})
    assert said.startswith(f"{name} must have at least ")
    assert "python -m server secret" in said
    assert len(value) == 1 or value not in said


def test_random_secrets_are_taken():
    for _ in range(200):
        check_secret("SECRET_KEY", secrets.token_urlsafe(32), 32)
        check_secret("SECRET_KEY", secrets.token_hex(16), 32)
        check_secret("SECRET_KEY", str(uuid.uuid4()), 32)


def test_the_command_prints_a_secret_that_is_taken_and_never_the_same(capsys):
    assert [main(["secret"]), main(["secret"])] == [0, 0]
    first, second = capsys.readouterr().out.splitlines()
    assert first != second
    assert read_settings({**PRODUCTION, "SECRET_KEY": first, "OPS_TOKEN": second}).ops_token == second


def test_development_takes_a_simple_operators_token():
    assert read_settings({"OPS_TOKEN": "1"}).ops_token == "1"


def test_money_and_production_have_the_same_rules_unless_a_setting_says_otherwise():
    off = read_settings({"REQUIRE_TOKEN": "0"})
    for given in EARNEST:
        settings = read_settings(given)
        assert settings.guarded
        assert settings.rules_off == []
        for name in GUARDED_DEFAULTS:
            assert getattr(off, name) == 0
            assert getattr(settings, name) == int(GUARDED_DEFAULTS[name]) > 0
        settings = read_settings({**given, "REQUIRE_TOKEN": "0", "PAYOUT_HOLD_SECONDS": "60"})
        assert (settings.require_token, settings.payout_hold_seconds) == (0, 60)
        assert settings.rules_off == ["REQUIRE_TOKEN"]


def test_money_takes_lists_of_secrets_and_operators():
    several = {"SECRET_KEYS": PAID["SECRET_KEY"], "OPS_TOKENS": f"小林:look:{PAID['OPS_TOKEN']}"}
    assert read_settings({**PAID, "SECRET_KEY": "", "OPS_TOKEN": "", **several}).guarded


def test_a_real_mini_program_without_money_names_the_rules_that_are_off():
    assert read_settings({"OPS_TOKEN": "1"}).rules_off == []
    settings = read_settings({**REAL, "OPS_TOKEN": "1", "LIMITS_AN_ADDRESS": "9"})
    assert not settings.guarded
    every = {name.upper() for name in GUARDED_DEFAULTS} | {"OPS_TOKEN"}
    assert set(settings.rules_off) == every - {"LIMITS_AN_ADDRESS"}


def test_production_shows_nothing_unchecked_unless_it_is_told_to():
    assert not read_settings(PRODUCTION).shows_unchecked
    for told in (UNCHECKED, PRODUCTION):
        settings = read_settings({**told, "CONTENT_CHECKS": "0"})
        assert (settings.checks_content, settings.shows_unchecked) == (False, True)
    assert read_settings(REAL).shows_unchecked
    assert not read_settings({}).shows_unchecked


def test_no_proxy_is_trusted_unless_it_is_named():
    assert read_settings(PRODUCTION).trusted_networks == ()
    trusted = read_settings({**PRODUCTION, "TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::7"}).trusted_networks
    assert [str(network) for network in trusted] == ["10.0.0.0/8", "2001:db8::7/128"]


def test_production_has_no_sandbox_and_no_embedded_store():
    settings = read_settings(PRODUCTION)
    assert not settings.sandboxed
    assert missing_stores(settings, lock=-1) == []
    with pytest.raises(BadSettings, match="MONGODB_URI"):
        missing_stores(Settings(app_env="production", redis_url="redis://x"), lock=-1)


def test_without_a_merchant_production_starts_with_goods_alone():
    for given in (GOODS_ONLY, REAL):
        settings = read_settings(given)
        assert (settings.sandboxed, settings.merchant, settings.takes_cash) == (False, None, False)
        assert settings.cash == 0
    assert read_settings(GOODS_ONLY).guarded
    for given in (PRODUCTION, {}):
        assert read_settings(given).takes_cash
        assert not read_settings({**given, "RED_PACKETS": "0"}).takes_cash


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WECHAT_MCHID", "19000"),
        ("WECHAT_API_V3_KEY", "k" * 31),
        ("WECHAT_CERT_SERIAL", "not hexadecimal at all"),
        ("WECHAT_PAY_PUBLIC_KEY_ID", "444F4864EA9B34415A2B7F4E0B1F2C3D4E5F6A7B"),
        ("WECHAT_PRIVATE_KEY", "/etc/keys/apiclient_key.pem"),
        ("WECHAT_PRIVATE_KEY", PUBLIC_KEY),
        ("WECHAT_PRIVATE_KEY", PRIVATE_KEY[:600]),
        ("WECHAT_PRIVATE_KEY", PRIVATE_KEY.replace("A", "B")),
        ("WECHAT_PAY_PUBLIC_KEY", PRIVATE_KEY),
        ("WECHAT_PAY_PUBLIC_KEY", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
    ],
)
def test_a_bad_value_of_a_merchant_is_named_and_not_shown(name, value):
    said = refusal({**PAID, name: value})
    assert said.startswith(f"{name} must ")
    assert value not in said


@pytest.mark.parametrize(
    "mangle",
    [
        str,
        lambda pem: pem.replace("\n", "\\n"),
        lambda pem: pem.replace("\n", "\r\n"),
        lambda pem: pem.replace("\n", " "),
        lambda pem: pem.replace("\n", ""),
        lambda pem: f'"{pem}"',
    ],
)
def test_a_key_is_read_with_mangled_line_breaks(mangle):
    mangled = {name: mangle(MERCHANT[name]) for name in ("WECHAT_PRIVATE_KEY", "WECHAT_PAY_PUBLIC_KEY")}
    settings = read_settings({**PAID, **mangled})
    assert settings.wechat_private_key == PRIVATE_KEY
    assert settings.wechat_pay_public_key == PUBLIC_KEY


def test_a_merchant_who_comes_from_it_gives_the_platform_certificate_too():
    settings = read_settings({**PAID, "WECHAT_PLATFORM_CERT": CERTIFICATE.replace("\n", "\\n")})
    assert settings.merchant.platform_cert == CERTIFICATE


def test_an_old_style_key_is_rewritten_in_the_new_one():
    old = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    assert old.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert read_settings({**PAID, "WECHAT_PRIVATE_KEY": old}).wechat_private_key == PRIVATE_KEY


async def test_the_secret_made_at_the_first_start_is_kept_and_readable_by_its_owner_alone(tmp_path):
    for name in ("data", "other"):
        (tmp_path / name).mkdir()
    settings = Settings(data_dir=str(tmp_path / "data"), mongodb_uri="mongodb://127.0.0.1:1/none")
    begins: list[Callable[[], Awaitable[object]]] = [
        partial(look_at_data, settings, prepares=False),
        partial(Context.open, settings, Sandbox),
    ]
    for begin in begins:  # a worker that finds no secret any more makes no new one
        with pytest.raises(BadSettings, match="put secret_key back"):
            await begin()
    [secret] = secrets_of(settings, makes=True)
    assert len(secret) >= 32
    assert secrets_of(settings) == [secret]
    assert secrets_of(Settings(data_dir=str(tmp_path / "other")), makes=True) != [secret]
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret_key"]
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600


@pytest.mark.parametrize("is_there", [True, False])
def test_a_secret_that_is_gone_when_it_is_read_is_refused(tmp_path, is_there):
    data = tmp_path / "data"
    if is_there:
        data.mkdir()
        (data / "secret_key").symlink_to(tmp_path / "moved away")
    with pytest.raises(BadSettings, match="put secret_key back"):
        secrets_of(Settings(data_dir=str(data)), makes=True)


def test_a_secret_that_is_given_is_used_and_not_written_anywhere(tmp_path):
    settings = Settings(secret_key="k" * 40, data_dir=str(tmp_path / "data"))
    assert secrets_of(settings) == [b"k" * 40]
    assert not (tmp_path / "data").exists()


def test_several_secrets_keep_their_order_and_secret_key_comes_last():
    several = {"SECRET_KEYS": f"{'n' * 32} , {'o' * 32}"}
    assert secrets_of(read_settings(several)) == [b"n" * 32, b"o" * 32]
    both = read_settings({"SECRET_KEYS": "n" * 32, "SECRET_KEY": "o" * 31 + ","})
    assert secrets_of(both) == [b"n" * 32, b"o" * 31 + b","]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("MONGODB_URI", "mongodb://user:p@ss@127.0.0.1:notaport"),
        ("REDIS_URL", "redis://:notaport/1@127.0.0.1"),
    ],
)
def test_a_store_address_that_cannot_be_read_ends_the_start_with_one_line(name, address, tmp_path):
    given = {"MONGODB_URI": "mongodb://127.0.0.1:1", "REDIS_URL": "redis://127.0.0.1:1"}
    ended = Running(tmp_path, **given | {name: address})
    assert ended.wait() == 2
    assert sum(name in line for line in ended.said) == 1
    said = "".join(ended.said)
    assert "Traceback" not in said
    assert "notaport" not in said  # the text may be part of a password
