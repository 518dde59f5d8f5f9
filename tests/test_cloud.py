"""The same server over an S3 bucket, PostgreSQL and Redis: only settings differ."""

import json
import logging
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import boto3
import pytest
from moto.server import ThreadedMotoServer

from app import clients
from tests import postgres, redis_server, samples
from tests.conftest import OWNER
from tests.programs import missing
from tests.sharex.uploader import ShareX

ACCOUNT = {"region_name": "us-west-004", "aws_access_key_id": "a", "aws_secret_access_key": "b"}


@pytest.fixture
def bucket():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    client = boto3.client("s3", endpoint_url=endpoint, **ACCOUNT)
    client.create_bucket(Bucket="cloud", CreateBucketConfiguration={"LocationConstraint": "us-west-004"})
    client.put_bucket_versioning(Bucket="cloud", VersioningConfiguration={"Status": "Enabled"})
    yield endpoint, client
    client.close()
    server.stop()


@pytest.fixture
def redis():
    with redis_server.server() as started:
        yield started


def upload(config, image):
    """Upload as ShareX does, and return the answer."""
    with closing(ShareX(config)) as program:
        return program.upload(image, "picture").answers[-1]


def versions(client):
    """How many versions of images there are; their thumbnails come a little later."""
    found = client.list_object_versions(Bucket="cloud").get("Versions", [])
    return len([one for one in found if not one["Key"].startswith("t/")])


if not {"postgres", "redis-server"} & missing().keys():

    def test_uploads_go_to_the_bucket_and_leave_it_whole_and_redis_may_be_away(bucket, redis, make_server):
        endpoint, client = bucket
        cloud = {
            "store": "s3",
            "s3_endpoint": endpoint,
            "s3_region": "us-west-004",
            "s3_bucket": "cloud",
            "s3_access_key_id": "a",
            "s3_secret_access_key": "b",
            "public_url": "https://i.example.com",
            "redis_url": redis[0],
        }
        with postgres.server() as url:
            server = make_server(database_url=url, **cloud)
            config = clients.sxcu(server.url, OWNER)
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda seed: upload(config, samples.make("png", seed=seed)), range(24)))
            first = json.loads(answers[0].text)
            delete = urllib.request.Request(first["deletion_url"], method="DELETE")

            assert {answer.status for answer in answers} == {201}
            assert first["url"].startswith("https://i.example.com/")
            assert client.get_object(Bucket="cloud", Key=first["key"])["Body"].read() == samples.make("png", seed=0)
            assert versions(client) == 24
            with urllib.request.urlopen(delete) as deleted:
                assert deleted.status == 204
            assert versions(client) == 23
            redis[1].kill()
            assert upload(config, samples.make("gif")).status == 201
            server.stop()
