/** What a request would do, and whether its client may: by bucket, key prefix and operation. */

import { S3Error, denied, escapeXml, invalid } from "./errors.js";
import { readKey } from "./keys.js";

const LISTING = [
  "list-type", "prefix", "delimiter", "max-keys", "marker", "continuation-token", "start-after", "encoding-type",
  "fetch-owner", "versions", "key-marker", "version-id-marker", "uploads", "upload-id-marker", "max-uploads", "location",
];
const READING = [
  "versionId", "partNumber", "response-cache-control", "response-content-disposition", "response-content-encoding",
  "response-content-language", "response-content-type", "response-expires",
];
const PARTS = ["uploadId", "max-parts", "part-number-marker"];
// What SDKs add for themselves, and checksums that a presigned address carries: B2 refuses them.
const DROPPED = /^(x-id|x-amz-checksum-.*|x-amz-sdk-checksum-algorithm)$/i;

// B2 wants every x-amz-* header signed; these are the ones that it is sent.
export const SENT =
  /^x-amz-(meta-.+|acl|copy-source|copy-source-range|expected-bucket-owner|metadata-directive|server-side-encryption)$/;
// Those that are for the proxy itself, or that say nothing B2 could know: it has one storage class, and one who pays.
const READ =
  /^x-amz-(checksum-.+|content-sha256|date|decoded-content-length|request-payer|sdk-checksum-algorithm|storage-class|trailer|user-agent)$/;

/**
 * Return `{operation, bucket, key, query, change}`: what is asked for, the query that goes on to B2, and the kind of
 * change that it makes (null where it makes none). Throws S3Error for what the policy of the client does not allow.
 * @param {Request} request
 * @param {Awaited<ReturnType<import("./verify.js").verify>>} signed
 * @param {{domain: string}} settings
 */
export function decide(request, signed, settings) {
  const query = signed.query.filter(([name]) => !DROPPED.test(name));
  const names = query.map(([name]) => name);
  if (new Set(names).size < names.length) throw invalid("a name stands twice in the query");
  const { bucket, key, encodedKey } = target(signed.given.get("host"), signed.path, settings.domain);
  const asked = key ? onObject(request.method, signed.given, names) : onBucket(request.method, names);
  if (!asked) throw denied("the signing proxy passes no such operation on");

  const { client } = signed;
  if (!client.operations.has(asked.operation)) throw denied(`this key may not ${asked.operation}`);
  if (client.bucket && client.bucket !== bucket) throw denied("this key is for another bucket");
  if (key && !key.startsWith(client.prefix)) throw denied(`this key is for names that begin with '${client.prefix}'`);
  if (!key && client.prefix && !asked.isAnyPrefix && !value(query, "prefix").startsWith(client.prefix))
    throw denied(`this key lists only names that begin with '${client.prefix}'`);
  if (asked.change === "copy" || signed.given.has("x-amz-copy-source")) checkSource(signed.given, client);
  // A header that is dropped in silence could be one that was to protect the object.
  for (const name of signed.given.keys())
    if (name.startsWith("x-amz-") && !SENT.test(name) && !READ.test(name))
      throw new S3Error(501, "NotImplemented", `the header ${name} is not known here`);
  return { ...asked, bucket, key, encodedKey, query };
}

function onObject(method, headers, names) {
  const has = (name) => names.includes(name);
  const only = (allowed) => names.every((name) => allowed.includes(name));
  if (method === "GET" && has("uploadId")) return only(PARTS) && { operation: "multipart" };
  if (method === "GET" || method === "HEAD") return only(READING) && { operation: method.toLowerCase() };
  if (method === "PUT" && headers.has("if-none-match")) {
    // B2 does not promise it, and two clients would both believe that they were first.
    throw new S3Error(501, "NotImplemented", "a conditional PUT is not possible on B2");
  }
  if (method === "PUT" && headers.has("x-amz-copy-source")) {
    if (has("uploadId")) return only(["uploadId", "partNumber"]) && { operation: "copy", isPart: true };
    return only([]) && { operation: "copy", change: "copy" };
  }
  if (method === "PUT" && has("uploadId")) return only(["uploadId", "partNumber"]) && { operation: "multipart" };
  if (method === "PUT") return only([]) && { operation: "put", change: "put" };
  if (method === "POST" && has("uploads")) return only(["uploads"]) && { operation: "multipart" };
  if (method === "POST" && has("uploadId")) return only(["uploadId"]) && { operation: "multipart", change: "complete" };
  if (method === "DELETE" && has("uploadId")) return only(["uploadId"]) && { operation: "multipart" };
  if (method === "DELETE") return only(["versionId"]) && { operation: "delete", change: "delete" };
  return null;
}

function onBucket(method, names) {
  if (method === "GET" && names.includes("uploads")) return known(names) && { operation: "multipart" };
  if (method === "GET" && names.includes("location"))
    return names.length === 1 && { operation: "list", isAnyPrefix: true, isAnswered: "location" };
  if (method === "GET") return known(names) && { operation: "list" };
  if (method === "HEAD") return names.length === 0 && { operation: "list", isAnyPrefix: true, isAnswered: "head" };
  if (method === "POST" && names.includes("delete"))
    return names.length === 1 && { operation: "delete", change: "delete-many", isAnyPrefix: true };
  return null;
}

const known = (names) => names.every((name) => LISTING.includes(name));
const value = (query, wanted) => decodeURIComponent(query.find(([name]) => name === wanted)?.[1] ?? "");

/**
 * Return a DeleteObjects anew, from what was read of it and nothing else: what this reader might have missed (CDATA,
 * comments, prefixes) B2 never sees. Throws S3Error unless `client` may delete every key.
 * @param {string} xml
 */
export function rewriteDeletion(xml, client) {
  const objects = [...xml.matchAll(/<Object>(.*?)<\/Object>/gs)].map(([, one]) => ({
    key: elements(one, "Key")[0],
    versionId: elements(one, "VersionId")[0],
  }));
  if (!objects.length || objects.length > 1000 || objects.some(({ key }) => !key))
    throw new S3Error(400, "MalformedXML", "a DeleteObjects has 1 to 1000 objects, each with its key");
  if (objects.some(({ key }) => !key.startsWith(client.prefix)))
    throw denied(`this key is for names that begin with '${client.prefix}'`);
  const parts = objects.map(({ key, versionId }) => {
    const version = versionId ? `<VersionId>${escapeXml(versionId)}</VersionId>` : "";
    return `<Object><Key>${escapeXml(key)}</Key>${version}</Object>`;
  });
  return `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join("")}</Delete>`;
}

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Return the texts of the elements `name`: enough for the flat lists that S3 writes. */
export function elements(xml, name) {
  const found = xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"));
  return [...found].map(([, text]) =>
    text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, entity) =>
      entity ? (ENTITIES[entity] ?? whole) : String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal)),
    ),
  );
}

/** Virtual-host style where the host is BUCKET.DOMAIN, path style everywhere else. */
function target(host, path, domain) {
  const name = (host ?? "").toLowerCase();
  const isVirtual = domain && name.endsWith(`.${domain}`);
  const inPath = path.slice(1);
  const at = isVirtual ? -1 : inPath.indexOf("/");
  const bucket = isVirtual ? name.slice(0, -domain.length - 1) : at < 0 ? inPath : inPath.slice(0, at);
  if (!bucket) throw denied("the signing proxy lists no buckets");
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]{4,61}[A-Za-z0-9]$/.test(bucket))
    throw new S3Error(400, "InvalidBucketName", "a bucket has 6 to 63 letters, digits and hyphens");
  const encoded = isVirtual ? inPath : at < 0 ? "" : inPath.slice(at + 1);
  return { bucket, key: readKey(encoded), encodedKey: encoded };
}

function checkSource(headers, client) {
  const [path, ...version] = (headers.get("x-amz-copy-source") ?? "").replace(/^\//, "").split("?");
  const at = path.indexOf("/");
  const isFine = at > 0 && version.every((one) => /^versionId=[\w.-]+$/.test(one)) && version.length < 2;
  if (!isFine) throw invalid("x-amz-copy-source must be BUCKET/KEY or BUCKET/KEY?versionId=ID");
  const key = readKey(path.slice(at + 1));
  if ((client.bucket && path.slice(0, at) !== client.bucket) || !key.startsWith(client.prefix))
    throw denied("this key may not copy from there");
  if (!client.operations.has("get")) throw denied("this key may not get, so it may not copy");
}
