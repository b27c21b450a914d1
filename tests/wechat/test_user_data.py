"""A person's data is decrypted and checked by the rules that WeChat documents."""

import base64

import pytest

from server.errors import BadUserData
from server.wechat import decrypt_user
from support.user_data import APPID, encrypted, user


def test_the_sample_of_wechats_documentation_is_opened():
    found = decrypt_user(
        "tiihtNczf5v6AKRyjwEUhQ==",
        "r7BXXKkLb8qrSNn05n0qiA==",
        "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNPdbB+3hVb"
        "JSRgv+4lGOETKUQz6OYStslQ142dNCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6/1Xx1COx"
        "Fvrc2d7UL/lmHInNlxuacJXwu0fjpXfz/YqYzBIBzD6WUfTIF9GRHpOn/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4"
        "ucetDf96JcR3g0gfRK4PC7E/r7Z6xNrXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4DnNLIVWSgARns/8wR2SiRS7MNACwT"
        "yrGvt9ts8p12PKFdlqYTopNHR1Vf7XjfhQlVsAJdNiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAGGwd5"
        "oa+T8yO5hzuyDb/XcxxmK01EpqOyuxINew==",
        "wx4f4bc4dec97d474b",
    )
    assert (found.nick_name, found.gender, found.city) == ("Band", 1, "Guangzhou")
    assert (found.open_id, found.union_id) == ("oGZUI0egBJY1zhBYw2KhdUfwVJJE", "ocMvos6NjeKLIBqg5Mr9QjxrP1FA")


def test_fields_that_wechat_leaves_out_are_empty():
    found = decrypt_user(*encrypted(user()), APPID)
    assert (found.nick_name, found.avatar_url, found.gender, found.city) == ("", "", 0, "")
    assert (found.open_id, found.union_id) == (None, None)


@pytest.mark.parametrize(
    "parts",
    [
        [*encrypted(user())[:2], ""],
        [*encrypted(user())[:2], "不是"],
        [base64.b64encode(b"another key 1234").decode(), *encrypted(user())[1:]],
        ["c2hvcnQ=", *encrypted(user())[1:]],
        [encrypted(user())[0], "c2hvcnQ=", encrypted(user())[2]],
        encrypted(user(), padding="x923"),
        encrypted(user() + b"\x00" * (16 - len(user()) % 16), padding=""),
        encrypted(b"not JSON"),
        encrypted(b"{}"),
        encrypted(b"\xff\xfe"),
        encrypted(user(watermark={"appid": "wxanother"})),
        encrypted(user(watermark=None)),
        encrypted(user(nickName="\ud800")),
        encrypted(user(nickName="长" * 129)),
        encrypted(user(gender=3)),
        encrypted(user(avatarUrl="javascript:alert(1)")),
        encrypted(user(unionId="a b")),
        encrypted(user(openId=5)),
    ],
)
def test_damaged_data_or_data_of_another_mini_program_is_refused(parts):
    with pytest.raises(BadUserData):
        decrypt_user(*parts, APPID)
