/** Amazon's SDK for JavaScript, with its default settings, through the proxy: `node client.mjs ENDPOINT BUCKET KEY…`. Each
 * key is put, read, listed and deleted in every way, the first in parts of which one is large, and printed when that is done. */

import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import {
  CompleteMultipartUploadCommand, CreateMultipartUploadCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand,
  HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client, UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const [, , endpoint, Bucket, ...keys] = process.argv;
const client = new S3Client({ endpoint, region: "us-west-004", forcePathStyle: true });
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const check = (what, isTrue) => {
  if (!isTrue) throw new Error(what);
};

const small = randomBytes(40_000);
const large = randomBytes(5 * 1024 * 1024);
for (const Key of keys) {
  await all(Key);
  console.log(Key);
}

async function all(Key) {
  const send = (Command, more = {}) => client.send(new Command({ Bucket, Key, ...more }));
  await send(PutObjectCommand, { Body: small, ContentType: "image/png", Metadata: { a: "b" } });
  const got = await send(GetObjectCommand);
  check("get", sha256(await got.Body.transformToByteArray()) === sha256(small));
  const head = await send(HeadObjectCommand);
  check("head", head.ContentLength === small.length && head.ContentType === "image/png" && head.Metadata.a === "b");
  const listed = await client.send(new ListObjectsV2Command({ Bucket, Prefix: Key }));
  check("list", listed.Contents.map((one) => one.Key).includes(Key));

  const { UploadId } = await send(CreateMultipartUploadCommand);
  const parts = Key === keys[0] ? [large, small] : [small];
  const Parts = [];
  for (const [at, Body] of parts.entries()) {
    const { ETag } = await send(UploadPartCommand, { UploadId, PartNumber: at + 1, Body });
    Parts.push({ ETag, PartNumber: at + 1 });
  }
  await send(CompleteMultipartUploadCommand, { UploadId, MultipartUpload: { Parts } });
  const whole = await (await send(GetObjectCommand)).Body.transformToByteArray();
  check("multipart", sha256(whole) === sha256(Buffer.concat(parts)));

  await send(PutObjectCommand, { Body: Readable.from([small]), ContentLength: small.length });
  const streamed = await (await send(GetObjectCommand)).Body.transformToByteArray();
  check("a stream", sha256(streamed) === sha256(small));

  const put = await fetch(await getSignedUrl(client, new PutObjectCommand({ Bucket, Key, Metadata: { a: "c" } })), { method: "PUT", body: small });
  check(`presigned put ${put.status}`, put.ok && (await send(HeadObjectCommand)).Metadata.a === "c");
  const typed = new PutObjectCommand({ Bucket, Key, ContentType: "image/png" });
  const url = await getSignedUrl(client, typed, { signableHeaders: new Set(["content-type"]) });
  const sent = await fetch(url, { method: "PUT", body: small, headers: { "content-type": "image/png" } });
  check(`presigned put with a type ${sent.status}`, sent.ok && (await send(HeadObjectCommand)).ContentType === "image/png");
  const presigned = await fetch(await getSignedUrl(client, new GetObjectCommand({ Bucket, Key })));
  check("presigned get", sha256(Buffer.from(await presigned.arrayBuffer())) === sha256(small));

  await send(DeleteObjectCommand);
  await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key }] } }));
  const gone = await send(HeadObjectCommand).catch((error) => error.$metadata.httpStatusCode);
  check("delete", gone === 404);
}
