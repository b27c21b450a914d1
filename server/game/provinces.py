"""Where goods are not sent to: China's provinces, as people write them. Pure."""

from __future__ import annotations

import re

# GB/T 2260, by their short names.
PROVINCES = (
    *("北京", "天津", "河北", "山西", "内蒙古", "辽宁", "吉林", "黑龙江", "上海", "江苏", "浙江", "安徽"),
    *("福建", "江西", "山东", "河南", "湖北", "湖南", "广东", "广西", "海南", "重庆", "四川", "贵州", "云南"),
    *("西藏", "陕西", "甘肃", "青海", "宁夏", "新疆", "台湾", "香港", "澳门"),
)
_BETWEEN = re.compile(r"[、，,;；\s]+")


def provinces_in(text: str) -> list[str]:
    """Return the provinces that a text lists, each once. Raises ValueError with the first word that is not a
    province."""
    names: dict[str, None] = {}
    for word in filter(None, _BETWEEN.split(text)):
        name = province_of(word, PROVINCES)
        if not name:
            raise ValueError(word)
        names[name] = None
    return list(names)


def province_of(address: str, among: tuple[str, ...] | list[str]) -> str:
    """Return which of these an address begins with, "" if with none."""
    begins = address.strip().removeprefix("中国").lstrip()
    return next((name for name in among if begins.startswith(name)), "")
