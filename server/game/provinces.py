"""Addresses as people write them: China's provinces, and whether an address is complete. Pure."""

import re

# GB/T 2260, by their short names.
PROVINCES = (
    "北京", "天津", "河北", "山西", "内蒙古", "辽宁", "吉林", "黑龙江", "上海", "江苏", "浙江", "安徽",
    "福建", "江西", "山东", "河南", "湖北", "湖南", "广东", "广西", "海南", "重庆", "四川", "贵州", "云南",
    "西藏", "陕西", "甘肃", "青海", "宁夏", "新疆", "台湾", "香港", "澳门",
)
_BETWEEN = re.compile(r"[、，,;；\s]+")
_NAMES = "|".join(PROVINCES)
_NAMED = re.compile(rf"({_NAMES})(?:省|市|(?:壮族|回族|维吾尔)?自治区|特别行政区)?")
# A postcode may come first. 海南藏族自治州 and 河南蒙古族自治县 are in 青海; a street named 西藏路 is
# in many cities.
_BEGINS = re.compile(
    rf"\A[\W\d]*+(?:(?:中华人民共和国|中国)[\W\d]*+)?({_NAMES})(?!藏族|蒙古族|[东西南北中]?[路街]|大[道街])"
)

# An address that ends so names a place and nothing in it; a supermarket or a housing estate is no place.
_ENDS_IN_PLACE = re.compile(r"(?:[省州盟县旗]|(?<!超)市|(?<![小社园校])区)\W*+\Z")
LEAST_DETAIL = 4  # letters and digits after the province
LEAST_WITHOUT_PROVINCE = 7


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
    """Return whether an address says more than a province, a city or a district. It refuses too little rather
    than too much: a winner whose address is refused cannot claim."""
    begins = _BEGINS.match(address)
    detail = address[begins.end() :] if begins else address
    if sum(map(str.isalnum, detail)) < (LEAST_DETAIL if begins else LEAST_WITHOUT_PROVINCE):
        return False
    return any(map(str.isdigit, detail)) or not _ENDS_IN_PLACE.search(detail)
