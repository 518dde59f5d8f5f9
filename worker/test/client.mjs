/** Amazon's SDK for JavaScript, with its default settings, through the proxy: `node client.mjs ENDPOINT BUCKET KEY`. */

import { createHash, randomBytes } from "node:crypto";
import {
  CompleteMultipartUploadCommand, CreateMultipartUploadCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand,
  HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client, UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const [, , endpoint, Bucket, Key] = process.argv;
const client = new S3Client({ endpoint, region: "us-west-004", forcePathStyle: true });
const send = (Command, more = {}) => client.send(new Command({ Bucket, Key, ...more }));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const check = (what, isTrue) => {
  if (!isTrue) throw new Error(what);
};

const small = randomBytes(40_000);
await send(PutObjectCommand, { Body: small, ContentType: "image/png", Metadata: { a: "b" } });
const got = await send(GetObjectCommand);
check("get", sha256(await got.Body.transformToByteArray()) === sha256(small));
const head = await send(HeadObjectCommand);
check("head", head.ContentLength === small.length && head.ContentType === "image/png" && head.Metadata.a === "b");
const listed = await client.send(new ListObjectsV2Command({ Bucket, Prefix: Key }));
check("list", listed.Contents.map((one) => one.Key).includes(Key));

const parts = [randomBytes(5 * 1024 * 1024), randomBytes(1000)];
const { UploadId } = await send(CreateMultipartUploadCommand);
const Parts = [];
for (const [at, Body] of parts.entries()) {
  const { ETag } = await send(UploadPartCommand, { UploadId, PartNumber: at + 1, Body });
  Parts.push({ ETag, PartNumber: at + 1 });
}
await send(CompleteMultipartUploadCommand, { UploadId, MultipartUpload: { Parts } });
const whole = await (await send(GetObjectCommand)).Body.transformToByteArray();
check("multipart", sha256(whole) === sha256(Buffer.concat(parts)));

const put = await fetch(await getSignedUrl(client, new PutObjectCommand({ Bucket, Key })), { method: "PUT", body: small });
check(`presigned put ${put.status}`, put.ok);
const presigned = await fetch(await getSignedUrl(client, new GetObjectCommand({ Bucket, Key })));
check("presigned get", sha256(Buffer.from(await presigned.arrayBuffer())) === sha256(small));

await send(DeleteObjectCommand);
await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key }] } }));
const gone = await send(HeadObjectCommand).catch((error) => error.$metadata.httpStatusCode);
check("delete", gone === 404);
