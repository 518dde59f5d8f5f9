"""Version ids: moto's in B2's shape, and back, with nothing to remember."""

import re

_DIGITS = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})")
_OURS = re.compile(r"4_z[0-9a-f]{24}_f([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})_d\d+_m\d+_\w+")
_IN_XML = re.compile(r"(<\w*VersionId(?:Marker)?>)([^<]+)(?=</)")
_BUCKET_ID = "a1b2c3d4e5f6a7b8c9d0e1f2"


def to_b2(moto_id: str) -> str:
    """Return the id of a version as B2 would write it; what is no id of moto's stays as it is.

    >>> to_b2("79bc377e-2f9a-4c00-8e2e-53ed551c0d8a")
    '4_za1b2c3d4e5f6a7b8c9d0e1f2_f79bc377e2f9a4c008e2e53ed551c0d8a_d20261124_m120000_c004_v0402000_t0001'
    """
    if not _DIGITS.fullmatch(moto_id):
        return moto_id
    return f"4_z{_BUCKET_ID}_f{moto_id.replace('-', '')}_d20261124_m120000_c004_v0402000_t0001"


def to_moto(b2_id: str) -> str:
    """Return the id of a version as moto knows it.

    >>> to_moto(to_b2("79bc377e-2f9a-4c00-8e2e-53ed551c0d8a"))
    '79bc377e-2f9a-4c00-8e2e-53ed551c0d8a'
    """
    match = _OURS.fullmatch(b2_id)
    return "-".join(match.groups()) if match else b2_id


def xml_to_b2(xml: str) -> str:
    """Turn the ids in an answer of moto's."""
    return _IN_XML.sub(lambda found: found[1] + to_b2(found[2]), xml)


def xml_to_moto(xml: str) -> str:
    """Turn the ids in a request's body."""
    return _IN_XML.sub(lambda found: found[1] + to_moto(found[2]), xml)
