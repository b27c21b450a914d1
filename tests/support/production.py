"""Settings with which a production server starts."""

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

KEY = rsa.generate_private_key(65537, 2048)
PRIVATE_KEY = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC_KEY = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
MERCHANT = {
    "WECHAT_MCHID": "1900000109",
    "WECHAT_API_V3_KEY": "k" * 32,
    "WECHAT_PRIVATE_KEY": PRIVATE_KEY,
    "WECHAT_CERT_SERIAL": "444F4864EA9B34415A2B7F4E0B1F2C3D4E5F6A7B",
    "WECHAT_PAY_PUBLIC_KEY": PUBLIC_KEY,
    "WECHAT_PAY_PUBLIC_KEY_ID": "PUB_KEY_ID_0000000000000024101100397200000006",
    "PAY_ORDER_KIND": "virtual",
}
PRODUCTION = {
    "APP_ENV": "production",
    "MONGODB_URI": "mongodb://db.invalid/wabao",
    "REDIS_URL": "redis://redis.invalid/0",
    "PUBLIC_URL": "https://wabao.invalid",
    "SECRET_KEY": "8Jx0cV1nWm-4hQzR7tLdY2sKfB9uPaGe",
    "OPS_TOKEN": "5f0c2a9d7be14386c1d97e02",
    "WECHAT_APPID": "wx1",
    "WECHAT_SECRET": "s",
    "WECHAT_PAGE": "pages/task",
    "WECHAT_PUSH_TOKEN": "AAAAA",
    "WECHAT_ENCODING_AES_KEY": "a" * 43,
    "CASH": "1",
    **MERCHANT,
}
