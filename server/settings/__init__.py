"""The settings: one typed record, read once from the environment and checked before anything starts."""

import contextlib
import os
import re
import secrets
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from server.errors import BadSettings
from server.security import addresses
from server.settings import merchant as merchant_settings
from server.settings.kept import read_kept
from server.settings.messages import NAMES, Templates, read_templates
from server.settings.operators import Operator, read_operators
from server.settings.strength import bits_of
from server.settings.texts import Texts, read_texts

WECHAT_API = "https://api.weixin.qq.com"
WECHAT_PAY_API = "https://api.mch.weixin.qq.com"
# 备域名, for when the other cannot be reached: https://pay.weixin.qq.com/doc/v3/merchant/4013070356
WECHAT_PAY_SPARE_API = "https://api2.mch.weixin.qq.com"
# The sandbox's mini-program. Its secret protects nothing: the sandbox exists in development only.
SANDBOX_APPID = "wxsandbox000000000"
SANDBOX_SECRET = "sandbox"  # noqa: S105

Flag = Literal[0, 1]
Port = Annotated[int, Meta(ge=1, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
Days = Annotated[int, Meta(ge=1, le=3650)]
# 0: no limit.
Limit = Annotated[int, Meta(ge=0)]
Factor = Annotated[int, Meta(ge=0, le=10_000)]

CLUSTERS = ("redis+cluster://", "rediss+cluster://")
SECRET_KEY_CHARACTERS = 32
METRICS_TOKEN_CHARACTERS = 16
OPS_TOKEN_CHARACTERS = 24
# 996 of 1,000 tokens of 24 random hexadecimal digits have at least this many bits by `bits_of`.
SECRET_BITS = 50
_PUSH_TOKEN = re.compile("[0-9A-Za-z]{3,32}")
_AES_KEY = re.compile("[0-9A-Za-z]{43}")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The environment's variables, in lower case. Empty means not set."""

    port: Port = 8000
    app_env: Literal["development", "production"] = "development"
    mongodb_uri: str = ""
    redis_url: str = ""
    redis_tls_verify: Flag = 1
    redis_ca_cert: str = ""
    data_dir: str = "var"
    disk_free_mb: Annotated[int, Meta(ge=0)] = 200
    public_url: str = ""
    trusted_proxies: str = ""
    secret_key: str = ""
    secret_keys: str = ""
    require_token: Flag = 0
    web_concurrency: Annotated[int, Meta(ge=1, le=64)] = 1
    cooldown_seconds: Annotated[int, Meta(ge=0, le=3600)] = 10
    # Less than the 5 s within which a dig is answered.
    fair_start_ms: Annotated[int, Meta(ge=0, le=3000)] = 800
    task_days: Days = 30
    daily_at: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "20:00"
    claim_days: Days = 30
    max_red_packet_yuan: Positive = 200
    cash_least_diggers: Annotated[int, Meta(ge=0, le=1000)] = 10
    cash_least_cd_seconds: Annotated[int, Meta(ge=0, le=3600)] = 3
    cash_least_gap: Annotated[int, Meta(ge=0, le=1000)] = 2
    cash_no_credit: Flag = 1
    cash_order_yuan: Limit = 2_000
    cash_paid_day_yuan: Limit = 5_000
    cash_paid_week_yuan: Limit = 20_000
    cash_won_day_yuan: Limit = 1_000
    cash_won_week_yuan: Limit = 3_000
    cash_pair_week_yuan: Limit = 200
    cash_private_day_yuan: Limit = 200
    cash_publisher_day: Limit = 1_000  # in yuan
    cash_newcomer_day_yuan: Limit = 80
    cash_young_day_yuan: Limit = 1_500
    cash_patterns_held: Flag = 1
    risk_held: Annotated[int, Meta(ge=0, le=4)] = 3
    payout_hold_seconds: Annotated[int, Meta(ge=0, le=604_800)] = 0
    mail_review_prizes: Annotated[int, Meta(ge=0, le=1000)] = 0  # 0: no mailed goods wait for an operator
    reports_to_hold: Annotated[int, Meta(ge=0, le=1000)] = 5
    sockets_a_person: Positive = 10
    # These two multiply limits. In development everybody has the same address.
    limits_a_person: Factor = 1
    limits_an_address: Factor = 0
    ops_token: str = ""
    ops_tokens: str = ""
    metrics_token: str = ""
    alarm_webhook: str = ""
    texts_dir: str = ""
    contact: Annotated[str, Meta(max_length=200, pattern=r"^[^\r\n]*$")] = ""
    sandbox_url: str = ""
    wechat_appid: str = ""
    wechat_secret: str = ""
    wechat_page: str = ""
    wechat_push_token: str = ""
    wechat_encoding_aes_key: str = ""
    content_checks: Flag = 1
    cash: Flag = 1
    red_packets: Flag = 1
    wechat_mchid: str = ""
    wechat_api_v3_key: str = ""
    wechat_private_key: str = ""
    wechat_cert_serial: str = ""
    wechat_pay_public_key: str = ""
    wechat_pay_public_key_id: str = ""
    wechat_platform_cert: str = ""
    pay_order_kind: Literal["", "city", "virtual", "pickup"] = ""
    message_won: str = ""
    message_claim_ends: str = ""
    message_ended: str = ""
    message_refused: str = ""
    message_cooldown_over: str = ""
    message_announced: str = ""
    message_opens: Literal["formal", "trial", "developer"] = "formal"

    def __repr__(self) -> str:
        """Show nothing: most of it is secret, and a traceback or log may show this."""
        return "Settings(…)"

    @property
    def trusted_networks(self) -> tuple[addresses.Network, ...]:
        """TRUSTED_PROXIES, as `addresses.client_address` takes them."""
        return addresses.networks(self.trusted_proxies)

    @property
    def knows_addresses(self) -> bool:
        """Whether people's addresses are known. They are not if the server is behind a proxy (https) that
        TRUSTED_PROXIES lacks."""
        return bool(self.trusted_networks) or not self.public_url.startswith("https://")

    @property
    def redis_cluster(self) -> bool:
        """Whether REDIS_URL names a Redis Cluster."""
        return self.redis_url.startswith(CLUSTERS)

    @property
    def given_secrets(self) -> list[str]:
        """SECRET_KEYS in their order, then SECRET_KEY unless it is among them: the first seals, all open."""
        given = [secret.strip() for secret in self.secret_keys.split(",")] if self.secret_keys else []
        return [*given, self.secret_key] if self.secret_key and self.secret_key not in given else given

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The people who may operate, as OPS_TOKENS and OPS_TOKEN say."""
        return read_operators(self.ops_tokens, self.ops_token)

    @property
    def templates(self) -> Templates:
        """The templates of messages to people who left, by kind; {} if no messages are to be sent."""
        return read_templates(tuple((kind, getattr(self, name)) for kind, name in NAMES.items()))

    @property
    def texts(self) -> Texts:
        """The operator's agreement and privacy policy, or the shipped texts."""
        return read_texts(self.texts_dir, self.cash)

    @property
    def texts_unfinished(self) -> list[str]:
        """What WeChat's review will miss: the files with something to fill in, and CONTACT. [] in a
        sandbox."""
        if self.sandboxed:
            return []
        return self.texts.unfinished + ([] if self.contact else ["CONTACT"])

    @property
    def sandboxed(self) -> bool:
        """Whether WeChat is not configured, so that the sandbox plays it."""
        return not self.wechat_appid

    @property
    def appid(self) -> str:
        """The mini-program's id: WeChat's, or the sandbox's."""
        return self.wechat_appid or SANDBOX_APPID

    @property
    def app_secret(self) -> str:
        """The mini-program's secret: WeChat's, or the sandbox's."""
        return SANDBOX_SECRET if self.sandboxed else self.wechat_secret

    @property
    def merchant(self) -> merchant_settings.Merchant | None:
        """The operator's merchant of WeChat Pay, None if there is none."""
        if not self.wechat_mchid:
            return None
        return merchant_settings.Merchant(
            mchid=self.wechat_mchid,
            api_v3_key=self.wechat_api_v3_key,
            private_key=self.wechat_private_key,
            cert_serial=self.wechat_cert_serial,
            public_key=self.wechat_pay_public_key,
            public_key_id=self.wechat_pay_public_key_id,
            platform_cert=self.wechat_platform_cert,
        )

    @property
    def questions(self) -> list[str]:
        """What only WeChat or the tax office can answer, and has to be settled before real money moves.

        docs/launch.md has a row for each, by the Chinese words.
        """
        if not (self.guarded and self.cash):
            return []
        limits = f"CASH_ORDER_YUAN={self.cash_order_yuan}, CASH_PAID_DAY_YUAN={self.cash_paid_day_yuan}"
        return [
            "虚拟支付: is a publication with red packets a virtual good?",
            f"发货类型: as what are its orders reported? PAY_ORDER_KIND={self.pay_order_kind}",
            "代收代付: may publishers' money pass through your merchant?",
            f"社交红包: is this category needed, and what does it limit? {limits}",
            "赌博、彩票: do the reviewers take this for a draw?",
            "个税: who withholds income tax of red packets?",
        ]

    @property
    def takes_cash(self) -> bool:
        """Whether red packets can be published."""
        return bool(self.cash and self.red_packets)

    @property
    def checks_content(self) -> bool:
        """Whether WeChat checks texts and pictures before others see them. Its results come by the message
        push."""
        return bool(self.wechat_push_token and self.content_checks)

    @property
    def guarded(self) -> bool:
        """Whether production's rules on secrets, tokens and limits apply. They also apply where money is
        real."""
        return self.app_env == "production" or bool(self.wechat_mchid)

    @property
    def rules_off(self) -> list[str]:
        """Names of settings that switch production's rules off for a real mini-program. [] in a sandbox."""
        if self.sandboxed:
            return []
        off = [name.upper() for name in GUARDED_DEFAULTS if not getattr(self, name)]
        return off + [name for name, secret, least in _named_secrets(self) if _is_weak(secret, least)]

    @property
    def shows_unchecked(self) -> bool:
        """Whether real people see texts and pictures that nobody has checked."""
        return not self.sandboxed and not self.checks_content

    @property
    def wechat_api(self) -> str:
        """Base URL of WeChat's API, without a trailing slash: the sandbox, or WeChat."""
        if not self.sandboxed:
            return WECHAT_API
        return f"{self.sandbox_url.rstrip('/') or f'http://127.0.0.1:{self.port}'}/sandbox"

    @property
    def wechat_pay_api(self) -> str:
        """Base URL of WeChat Pay's API, without a trailing slash: the sandbox on our own port, or WeChat."""
        return f"http://127.0.0.1:{self.port}/sandbox" if self.sandboxed else WECHAT_PAY_API

    @property
    def wechat_pay_spare_api(self) -> str:
        """The same of the address that is used while the other cannot be reached, "" for none."""
        return "" if self.sandboxed else WECHAT_PAY_SPARE_API

    @property
    def notify_url(self) -> str:
        """Base URL of the interfaces for WeChat Pay's notices: PUBLIC_URL, or our own port if sandboxed.

        The sandbox runs in this server, which may not reach itself through PUBLIC_URL.
        """
        return f"http://127.0.0.1:{self.port}" if self.sandboxed else self.public_url


# Production's values for settings that the environment leaves out.
GUARDED_DEFAULTS = {
    "require_token": "1",
    "payout_hold_seconds": "600",
    "mail_review_prizes": "20",
    "limits_an_address": "1",
}
_GUARDED_NEEDS = ("secret_key", "ops_token")
_KEPT_SECRET = re.compile(r"[ -~]{32,}\n?")
_PRODUCTION_NEEDS = (
    "mongodb_uri",
    "redis_url",
    "public_url",
    *_GUARDED_NEEDS,
    "wechat_appid",
    "wechat_secret",
    "wechat_page",
)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings. Raises BadSettings that names what is wrong, or all that production lacks."""
    values = {
        name: environment[name.upper()].strip()
        for name in Settings.__struct_fields__
        if environment.get(name.upper(), "").strip()
    }
    for name, value in values.items():
        _check_one(name, value)
    if values.get("app_env") == "production" or any(values.get(name) for name in merchant_settings.NAMES):
        values = GUARDED_DEFAULTS | values
    # The sandbox shows everything; a real mini-program takes money only if its operator says so.
    real = values.get("app_env") == "production" or "wechat_appid" in values
    values = {"cash": "0" if real else "1"} | values
    settings = msgspec.convert(values, Settings, strict=False)
    if settings.guarded:
        _check_guarded(settings)
    _check_shapes(settings)
    merchant = _check_merchant(settings)
    url = settings.public_url.rstrip("/") or f"http://127.0.0.1:{settings.port}"
    certificate = _check_certificate(settings.redis_ca_cert)
    return msgspec.structs.replace(settings, public_url=url, redis_ca_cert=certificate, **merchant)


def _check_guarded(settings: Settings) -> None:
    """Raise BadSettings that names all that is missing, or a secret that is easy to guess."""
    production = settings.app_env == "production"
    needed = _PRODUCTION_NEEDS if production else _GUARDED_NEEDS
    given = {"secret_key": settings.secret_keys, "ops_token": settings.ops_tokens}
    missing = [name.upper() for name in needed if not (getattr(settings, name) or given.get(name))]
    if production and settings.content_checks and not settings.wechat_encoding_aes_key:
        missing.append(
            "WECHAT_PUSH_TOKEN with WECHAT_ENCODING_AES_KEY (or CONTENT_CHECKS=0, to show all unchecked)"
        )
    if missing:
        because = "APP_ENV=production" if production else "WECHAT_MCHID"
        raise BadSettings(f"{because} also needs {', '.join(missing)}")
    for name, secret, least_characters in _named_secrets(settings):
        check_secret(name, secret, least_characters)


def _named_secrets(settings: Settings) -> Iterator[tuple[str, str, int]]:
    """Yield each given secret: its name in a refusal, the secret itself, and its least length."""
    for secret in settings.given_secrets:
        yield "each of SECRET_KEYS" if settings.secret_keys else "SECRET_KEY", secret, SECRET_KEY_CHARACTERS
    for operator in settings.operators:
        name = f"the token of {operator.name} in OPS_TOKENS" if operator.name else "OPS_TOKEN"
        yield name, operator.token, OPS_TOKEN_CHARACTERS
    if settings.metrics_token:
        yield "METRICS_TOKEN", settings.metrics_token, METRICS_TOKEN_CHARACTERS


_TYPES: dict[str, Any] = {field.name: field.type for field in msgspec.structs.fields(Settings)}


def _check_one(name: str, value: str) -> None:
    try:
        msgspec.convert(value, _TYPES[name], strict=False)
    except msgspec.ValidationError as error:
        raise BadSettings(f"{name.upper()}={value!r}: {error}") from None


def _check_shapes(settings: Settings) -> None:
    for name in ("public_url", "alarm_webhook", "sandbox_url"):
        address = urlsplit(getattr(settings, name))
        if address.geturl() and not (address.scheme in ("http", "https") and address.hostname):
            raise BadSettings(f"{name.upper()} must begin with http:// or https:// and name a host")
    if settings.mongodb_uri and not settings.mongodb_uri.startswith(("mongodb://", "mongodb+srv://")):
        raise BadSettings("MONGODB_URI must begin with mongodb:// or mongodb+srv://")
    kinds = ("redis://", "rediss://", "unix://", *CLUSTERS)
    if settings.redis_url and not settings.redis_url.startswith(kinds):
        raise BadSettings(f"REDIS_URL must begin with {', '.join(kinds)}")
    if settings.redis_cluster and urlsplit(settings.redis_url).path not in ("", "/", "/0"):
        raise BadSettings("REDIS_URL: a Redis Cluster has database 0 alone: end the address with /0")
    try:
        _ = urlsplit(settings.redis_url).port
    except ValueError:  # its text may hold part of a password
        raise BadSettings(
            "REDIS_URL must have a number as its port; write /, ? and # in a password as %2F, %3F and %23"
        ) from None
    try:
        addresses.networks(settings.trusted_proxies)
    except ValueError as error:
        raise BadSettings(
            f"TRUSTED_PROXIES must list addresses or networks, such as 10.0.0.0/8,192.0.2.7: {error}"
        ) from None
    if any(len(secret) < SECRET_KEY_CHARACTERS for secret in settings.given_secrets):
        name = "each of SECRET_KEYS" if settings.secret_keys else "SECRET_KEY"
        raise BadSettings(_better_secret(name, SECRET_KEY_CHARACTERS))
    if len(set(settings.given_secrets)) < len(settings.given_secrets):
        raise BadSettings("SECRET_KEYS has a secret twice: give the new one and the old one, each once")
    if settings.metrics_token and len(settings.metrics_token) < METRICS_TOKEN_CHARACTERS:
        raise BadSettings(_better_secret("METRICS_TOKEN", METRICS_TOKEN_CHARACTERS))
    _ = settings.operators, settings.templates, settings.texts  # reading these properties checks them
    if bool(settings.wechat_appid) != bool(settings.wechat_secret):
        raise BadSettings("WECHAT_APPID and WECHAT_SECRET must be set together")
    if settings.sandbox_url and not settings.sandboxed:
        raise BadSettings("SANDBOX_URL is for the sandbox, which WECHAT_APPID turns off")
    _check_push(settings)


def _check_push(settings: Settings) -> None:
    """Check message push's token (3 to 32 letters or digits) and key (43), as set in WeChat's console.

    Without the key it is in plain mode. In that mode whoever reads one address of a push in a log could push
    anything, so only a sandbox may use it.
    """
    token = settings.wechat_push_token
    key = settings.wechat_encoding_aes_key
    if bool(token) != bool(key) and (key or not settings.sandboxed):
        raise BadSettings("WECHAT_PUSH_TOKEN and WECHAT_ENCODING_AES_KEY must be set together")
    if token and not _PUSH_TOKEN.fullmatch(token):
        raise BadSettings("WECHAT_PUSH_TOKEN must have 3 to 32 letters or digits")
    if key and not _AES_KEY.fullmatch(key):
        wrong = "and it has others" if len(key) == 43 else f"and it has {len(key)} characters"
        raise BadSettings(f"WECHAT_ENCODING_AES_KEY must have 43 letters or digits, {wrong}")


def check_secret(name: str, value: str, least_characters: int) -> None:
    """Raise BadSettings if a secret is too short or easy to guess. The message does not show it."""
    if _is_weak(value, least_characters):
        raise BadSettings(_better_secret(name, least_characters))


def _is_weak(value: str, least_characters: int) -> bool:
    return len(value) < least_characters or bits_of(value) < SECRET_BITS


def _better_secret(name: str, least_characters: int) -> str:
    return (
        f"{name} must have at least {least_characters} characters and be hard to guess, as words and years "
        "are not: `python -m server secret` prints a good one"
    )


def new_secret() -> str:
    """Return a random secret of 256 bits, for any setting that takes one."""
    return secrets.token_urlsafe(32)


def _check_certificate(text: str) -> str:
    """Return REDIS_CA_CERT with proper line breaks. Raises BadSettings if it is no PEM certificate."""
    pem = text.replace("\\n", "\n")
    try:
        if pem:
            ssl.create_default_context(cadata=pem)
    except (ValueError, ssl.SSLError):
        raise BadSettings("REDIS_CA_CERT must be the text of a certificate in PEM") from None
    return pem


def _check_merchant(settings: Settings) -> dict[str, str]:
    merchant = merchant_settings.check_merchant(
        {name: getattr(settings, name) for name in merchant_settings.NAMES}
    )
    certificate = merchant_settings.check_certificate(settings.wechat_platform_cert)
    if merchant and not settings.cash:
        raise BadSettings("WECHAT_MCHID is for red packets, which CASH=1 turns on: set both or neither")
    if settings.cash and not settings.sandboxed and not merchant:
        names = ", ".join(name.upper() for name in (*merchant_settings.NAMES, "pay_order_kind"))
        raise BadSettings(f"CASH=1 also needs the merchant of WeChat Pay: {names} (docs/launch.md)")
    if merchant and settings.sandboxed:
        raise BadSettings("WECHAT_MCHID also needs WECHAT_APPID and WECHAT_SECRET")
    if merchant and not settings.public_url.startswith("https://"):
        raise BadSettings("PUBLIC_URL must begin with https:// if WECHAT_MCHID is set: WeChat notifies it")
    if merchant and not settings.pay_order_kind:
        raise BadSettings(
            "WECHAT_MCHID also needs PAY_ORDER_KIND, as what WeChat wants orders reported: virtual, pickup "
            "or city (docs/launch.md)"
        )
    if certificate and not merchant:
        raise BadSettings("WECHAT_PLATFORM_CERT also needs WECHAT_MCHID and the other settings of WeChat Pay")
    return {**merchant, "wechat_platform_cert": certificate} if certificate else merchant


def secrets_of(settings: Settings, *, makes: bool = False) -> list[bytes]:
    """Return the secrets that all keys derive from. The first one seals; all of them open.

    These are the secrets in the settings, or else the one kept in DATA_DIR. If that file is missing, it is
    made (0600) where `makes` is true, as at the first start. Raises BadSettings if there is no secret.
    """
    if settings.given_secrets:
        return [secret.encode() for secret in settings.given_secrets]
    path = Path(settings.data_dir) / "secret_key"
    if makes and not path.exists():
        # Another process may be the first, and DATA_DIR may be moved away: what is read then tells.
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            _make_secret(path)
    kept = read_kept(path, _KEPT_SECRET)
    if not kept:
        raise BadSettings(
            f"no secret is in DATA_DIR={settings.data_dir!r}: put secret_key back there, or give the "
            "servers' SECRET_KEYS"
        )
    return [kept.encode()]


def _make_secret(path: Path) -> None:
    draft = path.with_name(f"secret_key.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(descriptor, 0o600)  # whatever the umask is
            file.write(new_secret())
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # whole or not at all, and the first process wins
    finally:
        draft.unlink()
