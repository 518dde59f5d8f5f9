"""Which addresses are out in the Internet, and which lead inwards: to this machine, its network or its cloud."""

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
