"""What an address tells: whether it is out in the Internet or leads inwards, and whom it stands for."""

import ipaddress

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Which Python takes for global: https://www.iana.org/assignments/iana-ipv6-special-registry
_INWARD = [
    ipaddress.ip_network(text)
    for text in (
        *("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "2001::/32", "3fff::/20", "5f00::/16", "fec0::/10"),
        "192.0.0.0/24",  # Oracle's cloud tells its metadata there
        "192.88.99.0/24",  # an anycast that wraps what comes into IPv6
        "168.63.129.16/32",  # Azure's cloud tells its metadata there
    )
]


def is_public(address: str) -> bool:
    """Whether an IP address is somewhere out in the Internet, whatever it is wrapped in.

    >>> [is_public(one) for one in ("8.8.8.8", "127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "::127.0.0.1")]
    [True, False, False, False, False]
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        found = inner or found
    return found.is_global and not found.is_multicast and not any(found in network for network in _INWARD)


def network_of(address: str) -> str:
    """Return whom an address stands for: itself, or the /64 of an IPv6 address, for one household has 2**64 of them.

    >>> network_of("2001:db8::1"), network_of("192.0.2.7"), network_of("::ffff:192.0.2.7"), network_of("")
    ('2001:db8::/64', '192.0.2.7', '192.0.2.7', 'unknown')
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address) and not found.ipv4_mapped:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)
