"""What B2 is paid for, and what a month of it costs.

Prices and free amounts as of 2026-11: https://www.backblaze.com/cloud-storage/pricing and
https://www.backblaze.com/docs/cloud-storage-transactions-pricing
"""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

GB = 1_000_000_000
FREE_GB = 10
GB_MONTH_USD = 0.006
FREE_A_DAY = 2500  # of class B, and of class C; counted by days of UTC
B_USD = 0.004 / 10_000
C_USD = 0.004 / 1_000
KINDS = ("A", "B", "C")

# Source: https://www.backblaze.com/docs/cloud-storage-s3-compatible-api (transaction classes)
KIND_OF = {
    "PutObject": "A",
    "DeleteObject": "A",
    "CreateMultipartUpload": "A",
    "UploadPart": "A",
    "CompleteMultipartUpload": "A",
    "AbortMultipartUpload": "A",
    "GetObject": "B",
    "HeadObject": "B",
    "ListObjectsV2": "C",
    "ListObjectVersions": "C",
}


@dataclass(frozen=True, slots=True)
class Bill:
    """A month in US dollars, as the month goes on as it went so far. Downloads by Cloudflare are free."""

    storage: float
    b: float
    c: float

    @property
    def total(self) -> float:
        return self.storage + self.b + self.c


def price(kind: str, count: int) -> float:
    """Return what so many transactions of class B or C cost on one day, in US dollars, if there were no others.

    >>> price("B", 2_500), price("B", 1_002_500)
    (0.0, 0.4)
    """
    return round(max(0, count - FREE_A_DAY) * {"B": B_USD, "C": C_USD}[kind], 4)


def estimate(stored_bytes: int, by_day: Mapping[date, Mapping[str, int]], today: date) -> Bill:
    """Return the bill of the month of `today`.

    `stored_bytes` is what is stored now; `by_day` the number of transactions of each class, of which the days of this
    month count. The free amount is taken off each day by itself, as B2 does.

    >>> estimate(11 * GB, {date(2026, 11, 1): {"A": 90_000, "B": 12_500, "C": 3_500}}, date(2026, 11, 1)).total
    0.246
    """
    days = calendar.monthrange(today.year, today.month)[1]
    month = [counts for day, counts in by_day.items() if (day.year, day.month) == (today.year, today.month)]
    to_come = days / today.day

    def cost(kind: str, usd: float) -> float:
        return sum(max(0, counts.get(kind, 0) - FREE_A_DAY) for counts in month) * usd * to_come

    storage = max(0.0, stored_bytes / GB - FREE_GB) * GB_MONTH_USD
    return Bill(round(storage, 4), round(cost("B", B_USD), 4), round(cost("C", C_USD), 4))
