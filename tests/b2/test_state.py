"""What is kept: versions and their ids, uploads in parts, copies, lists, and which key may do what."""

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.b2 import B2
from tests.worker.requests import Answer, Endpoint

BODY = b"bytes"
BUCKET = "bowerbird-demo"
PART = b"p" * (5 * 1024 * 1024)
ID = re.compile(r"4_z[0-9a-f]{24}_f[0-9a-f]+_d\d{8}_m\d{6}_c004_v\d{7}_t\d{4}")
Send = Callable[..., Answer]


def delete_many(send: Send, *objects: tuple[str, str], pair: str = "demo") -> Answer:
    rows = "".join(f"<Object><Key>{k}</Key>{f'<VersionId>{v}</VersionId>' if v else ''}</Object>" for k, v in objects)
    body = f"<Delete>{rows}</Delete>".encode()
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    return send("POST", f"/{BUCKET}?delete=", body, {"content-md5": md5}, pair=pair)


def test_version_ids_look_like_b2s_and_go_in_and_out_everywhere(b2: B2, s3: Any) -> None:
    first = s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")["VersionId"]
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"2")

    assert ID.fullmatch(first)
    assert s3.head_object(Bucket=BUCKET, Key="a", VersionId=first)["VersionId"] == first
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 1})
    listed = [one["VersionId"] for page in pages for one in page["Versions"]]
    assert listed == [one[1] for one in b2.versions("a")] and first in listed
    copied = s3.copy_object(Bucket=BUCKET, Key="b", CopySource={"Bucket": BUCKET, "Key": "a", "VersionId": first})
    assert copied["CopySourceVersionId"] == first and b2.body("b") == b"1"


def test_many_are_deleted_by_version_or_hidden(b2: B2, s3: Any, send: Send) -> None:
    version = s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")["VersionId"]
    s3.put_object(Bucket=BUCKET, Key="b", Body=b"1")

    answer = delete_many(send, ("a", version), ("b", ""))

    assert answer.status == 200 and version.encode() in answer.body
    assert b2.versions("a") == [] and len(b2.versions("b")) == 2


def test_a_body_of_the_uploaders_own_is_never_translated(s3: Any) -> None:
    body = b"<svg><VersionId>79bc377e-2f9a-4c00-8e2e-53ed551c0d8a</VersionId></svg>"
    s3.put_object(Bucket=BUCKET, Key="a.svg", Body=body, ContentType="image/svg+xml")

    assert s3.get_object(Bucket=BUCKET, Key="a.svg")["Body"].read() == body


def test_an_upload_in_parts_is_put_together(b2: B2, s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="large", ContentType="image/png")["UploadId"]
    parts = []
    for number, body in ((1, PART), (2, b"end")):
        tag = s3.upload_part(Bucket=BUCKET, Key="large", UploadId=upload, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    assert len(s3.list_parts(Bucket=BUCKET, Key="large", UploadId=upload)["Parts"]) == 2
    assert [one["Key"] for one in s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]] == ["large"]
    done = s3.complete_multipart_upload(Bucket=BUCKET, Key="large", UploadId=upload, MultipartUpload={"Parts": parts})

    assert done["Bucket"] == BUCKET and ID.fullmatch(done["VersionId"])
    assert b2.body("large") == PART + b"end"


def test_an_upload_in_parts_is_given_up(b2: B2, s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="large")["UploadId"]
    s3.abort_multipart_upload(Bucket=BUCKET, Key="large", UploadId=upload)

    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    assert b2.versions() == []


@pytest.mark.parametrize("number", [0, 10001])
def test_parts_are_numbered_from_1_to_10000(s3: Any, send: Send, number: int) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="large")["UploadId"]

    assert send("PUT", f"/{BUCKET}/large?partNumber={number}&uploadId={upload}", BODY).code == "InvalidArgument"


def test_lists_of_both_kinds_name_the_bucket_and_the_objects(b2: B2, s3: Any) -> None:
    for key in ("a/1", "a/2", "b/1"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=BODY)

    old, new = s3.list_objects(Bucket=BUCKET), s3.list_objects_v2(Bucket=BUCKET, Prefix="a/", MaxKeys=1)
    assert (old["Name"], [one["Key"] for one in old["Contents"]]) == (BUCKET, ["a/1", "a/2", "b/1"])
    assert (new["Name"], new["IsTruncated"], new["Contents"][0]["Key"]) == (BUCKET, True, "a/1")
    assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == b2.region
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == [BUCKET]
    assert s3.head_bucket(Bucket=BUCKET)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_two_stand_ins_in_one_process_keep_apart(b2: B2, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="a", Body=BODY)

    with B2(bucket=BUCKET) as other:
        assert other.versions() == []
    assert b2.body("a") == BODY


def test_a_bucket_that_is_not_there_is_not_there(s3: Any) -> None:
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.put_object(Bucket="bowerbird-none", Key="a", Body=BODY)
    with pytest.raises(ClientError, match="InvalidBucketName"):
        s3.create_bucket(Bucket="b2-mine", CreateBucketConfiguration={"LocationConstraint": "us-west-004"})


FORBIDDEN = {
    "a key outside the prefix": ("prefixed", "PUT", f"/{BUCKET}/yours/a", {}),
    "a list outside the prefix": ("prefixed", "GET", f"/{BUCKET}?list-type=2", {}),
    "the list of buckets": ("prefixed", "GET", "/", {}),
    "a look at the bucket": ("bucket", "HEAD", f"/{BUCKET}", {}),
    "a new bucket": ("bucket", "PUT", "/bowerbird-new", {}),
    "another bucket": ("elsewhere", "PUT", f"/{BUCKET}/a", {}),
    "a copy from outside the prefix": ("prefixed", "PUT", f"/{BUCKET}/mine/b",
                                       {"x-amz-copy-source": f"/{BUCKET}/yours/a"}),
}  # fmt: skip


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_restricted_key_is_not_entitled_to(b2: B2, send: Send, what: str) -> None:
    pair, method, target, headers = FORBIDDEN[what]

    answer = send(method, target, b"", headers, pair=pair)

    assert answer.status == 403
    assert b"not entitled" in answer.body or (method == "HEAD" and answer.body == b"")
    assert b2.versions() == []


def test_a_prefix_holds_for_each_of_many_deletions(b2: B2, s3: Any, send: Send) -> None:
    s3.put_object(Bucket=BUCKET, Key="yours/a", Body=BODY)

    assert delete_many(send, ("mine/a", ""), ("yours/a", ""), pair="prefixed").code == "AccessDenied"
    assert b2.body("yours/a") == BODY


@pytest.mark.parametrize("query", ["tagging", "acl", "policy", "website", "lifecycle", "object-lock", "replication"])
def test_what_b2_has_not_got_is_not_there(b2: B2, send: Send, query: str) -> None:
    assert send("GET", f"/{BUCKET}/a?{query}").code == "NotImplemented"
    assert send("PUT", f"/{BUCKET}/a?{query}", BODY).code == "NotImplemented"
    assert b2.versions() == []


def test_versions_cannot_be_turned_off(b2: B2, s3: Any, send: Send) -> None:
    body = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"

    assert send("PUT", f"/{BUCKET}?versioning", body).code == "NotImplemented"
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"


def test_the_bucket_may_be_the_first_label_of_the_host(b2: B2) -> None:
    endpoint = Endpoint(b2.s3_address[1])
    headers = {"host": f"{BUCKET}.s3.us-west-004.backblazeb2.com"}
    endpoint.signed("PUT", f"/{BUCKET}/a", BODY)

    assert endpoint.send("GET", "/a", headers).body == BODY
    assert endpoint.send("GET", f"/{BUCKET}/a", headers).status == 404, "the key would be named as the bucket is"
