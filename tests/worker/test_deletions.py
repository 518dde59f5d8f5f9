"""DeleteObjects: what is deleted is what the list says, whoever reads it; one entry that is odd refuses all of it."""

import time

import boto3
import pytest

from tests.worker.conftest import CLIENT, PREFIXED, Proxy
from tests.worker.requests import BUCKET, REGION, Answer, Signer

KEYS = ["a.png", "mine/a.png", "other/b.png"]
GOOD = b"<Object><Key>mine/a.png</Key></Object>"


def _delete(proxy: Proxy, objects: bytes, *, signer: Signer | None = None) -> Answer:
    return proxy.signed("POST", f"/{BUCKET}?delete=", b"<Delete>%b</Delete>" % objects, signer=signer)


@pytest.fixture
def full(proxy: Proxy) -> Proxy:
    for key in KEYS:
        proxy.signed("PUT", f"/{BUCKET}/{key}", b"x")
    return proxy


REFUSED: dict[str, tuple[bytes, int, str]] = {
    "a control character": (b"<Object><Key>a&#1;.png</Key></Object>", 400, "MalformedXML"),
    "a control character as it is": (b"<Object><Key>a\x01.png</Key></Object>", 400, "MalformedXML"),
    "a line feed": (b"<Object><Key>a&#10;.png</Key></Object>", 400, "InvalidArgument"),
    "a DEL": (b"<Object><Key>a&#127;.png</Key></Object>", 400, "InvalidArgument"),
    "half of a pair": (b"<Object><Key>a&#xD800;.png</Key></Object>", 400, "MalformedXML"),
    "no character at all": (b"<Object><Key>a&#xFFFF;.png</Key></Object>", 400, "MalformedXML"),
    "more than there is": (b"<Object><Key>a&#x110000;.png</Key></Object>", 400, "MalformedXML"),
    "more than a number": (b"<Object><Key>a&#%b;.png</Key></Object>" % (b"9" * 400), 400, "MalformedXML"),
    "an entity that is none": (b"<Object><Key>a&constructor;.png</Key></Object>", 400, "MalformedXML"),
    "an ampersand": (b"<Object><Key>a&.png</Key></Object>", 400, "MalformedXML"),
    "bytes that are not UTF-8": (b"<Object><Key>a\xff.png</Key></Object>", 400, "MalformedXML"),
    "a path that walks": (b"<Object><Key>mine/../a.png</Key></Object>", 400, "InvalidArgument"),
    "an empty key": (b"<Object><Key></Key></Object>", 400, "MalformedXML"),
    "no key": (b"<Object><VersionId>1</VersionId></Object>", 400, "MalformedXML"),
    "two keys": (b"<Object><Key>mine/a.png</Key><Key>other/b.png</Key></Object>", 400, "MalformedXML"),
    "two versions": (
        b"<Object><Key>mine/a.png</Key><VersionId>1</VersionId><VersionId>2</VersionId></Object>", 400, "MalformedXML"),
    "an empty version": (b"<Object><Key>mine/a.png</Key><VersionId></VersionId></Object>", 400, "MalformedXML"),
    "a version that is none": (
        b"<Object><Key>mine/a.png</Key><VersionId>1&lt;</VersionId></Object>", 400, "InvalidArgument"),
    "an ETag that must fit": (b'<Object><Key>mine/a.png</Key><ETag>"0"</ETag></Object>', 501, "NotImplemented"),
    "a size that must fit": (b"<Object><Key>mine/a.png</Key><Size>7</Size></Object>", 501, "NotImplemented"),
    "an attribute of the key": (b"<Object><Key a='b'>other/b.png</Key></Object>", 400, "MalformedXML"),
    "an attribute of the object": (b"<Object a='b'><Key>other/b.png</Key></Object>", 400, "MalformedXML"),
    "a space in the tag": (b"<Object ><Key>other/b.png</Key></Object>", 400, "MalformedXML"),
    "a prefix of a namespace": (b"<s3:Object><Key>other/b.png</Key></s3:Object>", 400, "MalformedXML"),
    "a CDATA": (b"<Object><Key><![CDATA[other/b.png]]></Key></Object>", 400, "MalformedXML"),
    "a CDATA beside a key": (
        b"<Object><Key><![CDATA[other/b.png]]></Key><Key>mine/a.png</Key></Object>", 400, "MalformedXML"),
    "a comment": (b"<!-- <Object><Key>other/b.png</Key></Object> -->", 400, "MalformedXML"),
    "a comment in the key": (b"<Object><Key>other/<!---->b.png</Key></Object>", 400, "MalformedXML"),
    "an object in an object": (b"<Object><Object><Key>other/b.png</Key></Object></Object>", 400, "MalformedXML"),
    "an object without an end": (b"<Object><Key>other/b.png</Key>", 400, "MalformedXML"),
    "an object of nothing": (b"<Object/>", 400, "MalformedXML"),
    "text between the objects": (b"other/b.png", 400, "MalformedXML"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("order", ["odd first", "odd last"])
def test_one_entry_that_is_odd_refuses_the_whole_list(full: Proxy, order: str, what: str) -> None:
    odd, status, code = REFUSED[what]
    before = len(full.b2.requests)

    answer = _delete(full, odd + GOOD if order == "odd first" else GOOD + odd)

    assert (answer.status, answer.code) == (status, code)
    assert len(full.b2.requests) == before
    assert [full.b2.body(key) for key in KEYS] == [b"x"] * 3


@pytest.mark.parametrize(
    "xml",
    [
        b"<!DOCTYPE d [<!ENTITY e 'other/b.png'>]><Delete>%b</Delete>" % GOOD,
        b"<?xml version='1.0' encoding='ISO-8859-1'?><Delete>%b</Delete>" % GOOD,
        b"<Delete>%b</Delete><Delete/>" % GOOD,
        b"<Delete>%b" % GOOD,
        b"<Delete></Delete>",
        b"<Delete>%b</Delete>" % (GOOD * 1001),
        b"",
    ],
    ids=["a document type", "another encoding", "two lists", "half a list", "no object", "too many", "nothing"],
)
def test_what_is_not_a_list_of_objects_is_refused(full: Proxy, xml: bytes) -> None:
    answer = full.signed("POST", f"/{BUCKET}?delete=", xml)

    assert (answer.status, answer.code) == (400, "MalformedXML")
    assert full.b2.body("mine/a.png") == b"x"


@pytest.mark.parametrize(
    "what", [b"<Object>", b"<Object><Key>", b"<Object></Object>", b"</Delete>\n", b"\n", b"<a", b"&#1", b"<!--"]
)
def test_a_list_four_times_as_long_takes_about_four_times_as_long_to_refuse(full: Proxy, what: bytes) -> None:
    def seconds(size: int) -> float:
        xml = b"<Delete>" + what * (size // len(what)) + b"</Delete>x"
        started = time.perf_counter()
        assert full.signed("POST", f"/{BUCKET}?delete=", xml).code == "MalformedXML"
        return time.perf_counter() - started

    short, long = (min(seconds(size) for _ in range(3)) for size in (500_000, 2_000_000))

    assert long < 8 * short + 0.5


def test_a_client_with_a_prefix_deletes_nothing_beside_it(full: Proxy) -> None:
    answer = _delete(full, GOOD + b"<Object><Key>&#111;ther/b.png</Key></Object>", signer=Signer(PREFIXED))

    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert [full.b2.body(key) for key in KEYS] == [b"x"] * 3


def test_a_list_may_be_written_as_people_write_it(full: Proxy) -> None:
    xml = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\n'
        b"  <Quiet>true</Quiet>\n  <Object>\n    <Key>mine/&#97;.png</Key>\n  </Object>\n</Delete>\n"
    )

    answer = full.signed("POST", f"/{BUCKET}?delete=", xml)

    assert answer.status == 200
    assert [full.b2.body(key) for key in KEYS] == [b"x", None, b"x"]


def test_awkward_names_and_versions_reach_b2_as_they_were_meant(full: Proxy) -> None:
    client = boto3.client(
        "s3", endpoint_url=f"http://{full.host}", region_name=REGION, aws_access_key_id=CLIENT.access_key_id,
        aws_secret_access_key=CLIENT.secret_access_key,
    )  # fmt: skip
    keys = ["a&b<c>\"d'.png", "ü/𝄞.png", "a b+c%20.png", "]]>.png"]
    versions = [client.put_object(Bucket=BUCKET, Key=key, Body=b"x")["VersionId"] for key in keys]
    objects = [{"Key": key, "VersionId": version} for key, version in zip(keys, versions, strict=True)]

    answer = client.delete_objects(Bucket=BUCKET, Delete={"Objects": objects, "Quiet": True})

    client.close()
    assert "Errors" not in answer
    assert {key for key, *_ in full.b2.versions()} == set(KEYS)
