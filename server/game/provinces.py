"""Addresses as people write them: China's provinces, and whether an address is complete. Pure."""

from __future__ import annotations

import re

# GB/T 2260, by their short names.
PROVINCES = (
    *("北京", "天津", "河北", "山西", "内蒙古", "辽宁", "吉林", "黑龙江", "上海", "江苏", "浙江", "安徽"),
    *("福建", "江西", "山东", "河南", "湖北", "湖南", "广东", "广西", "海南", "重庆", "四川", "贵州", "云南"),
    *("西藏", "陕西", "甘肃", "青海", "宁夏", "新疆", "台湾", "香港", "澳门"),
)
_BETWEEN = re.compile(r"[、，,;；\s]+")
_NAMES = "|".join(PROVINCES)
_NAMED = re.compile(rf"({_NAMES})(?:省|市|(?:壮族|回族|维吾尔)?自治区|特别行政区)?")
# A postcode may come first. 海南藏族自治州 and 河南蒙古族自治县 are in 青海; a street named 西藏路 is
# in many cities.
_BEGINS = re.compile(
    rf"\A[\W\d]*+(?:(?:中华人民共和国|中国)[\W\d]*+)?({_NAMES})(?!藏族|蒙古族|[东西南北中]?[路街]|大[道街])"
)

# Cities and districts, after a province or first. A longer name is not one, nor is a housing estate.
_PLACE = re.compile(
    r"\A[\W\d]*+(?:[省市]|(?:壮族|回族|维吾尔)?自治区|特别行政区)?\W*"
    r"(?:[^\W\d]{1,5}?(?:地区|[市州盟县旗]|(?<![小社园])区)\W*){1,3}"
)
LEAST_DETAIL = 4  # letters and digits after the place
LEAST_WITHOUT_PLACE = 12  # of an address abroad, in any script


def provinces_in(text: str) -> list[str]:
    """Return the provinces that a text lists, each once. Raises ValueError with the first word that is not a
    province."""
    names: dict[str, None] = {}
    for word in filter(None, _BETWEEN.split(text)):
        named = _NAMED.fullmatch(word)
        if named is None:
            raise ValueError(word)
        names[named[1]] = None
    return list(names)


def province_of(address: str) -> str:
    """Return the province that an address begins with, "" if with none."""
    begins = _BEGINS.match(address)
    return begins[1] if begins else ""


def is_complete(address: str) -> bool:
    """Return whether an address says street and number after its province or city, or as much abroad."""
    begins = _BEGINS.match(address)
    named = address[begins.end() :] if begins else address
    place = _PLACE.match(named)
    detail = named[place.end() :] if place else named
    return sum(map(str.isalnum, detail)) >= (LEAST_DETAIL if begins or place else LEAST_WITHOUT_PLACE)
