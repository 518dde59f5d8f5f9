/** What a request would do, and whether its client may: by bucket, key prefix and operation. */

import { S3Error, denied, invalid, notPossible } from "./errors.js";
import { checkKey, readKey } from "./keys.js";
import { encoded } from "./sigv4.js";

const LISTING = [
  "list-type", "prefix", "delimiter", "max-keys", "marker", "continuation-token", "start-after", "encoding-type",
  "fetch-owner", "versions", "key-marker", "version-id-marker", "uploads", "upload-id-marker", "max-uploads", "location",
];
const READING = [
  "versionId", "partNumber", "response-cache-control", "response-content-disposition", "response-content-encoding",
  "response-content-language", "response-content-type", "response-expires",
];
const PARTS = ["uploadId", "max-parts", "part-number-marker"];

// What says how an object is stored and answered; with what has no content, such as the Cache-Control of a browser that
// loads a page again, it says nothing of the object and does not go on.
export const CONTENT = new Set([
  "cache-control", "content-disposition", "content-encoding", "content-language", "content-md5", "content-type", "expires",
]);
export const hasContent = (method) => method === "PUT" || method === "POST";

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
  const query = signed.query.filter(([name]) => name !== "x-id"); // an SDK says so what it does
  const names = query.map(([name]) => name);
  if (new Set(names).size < names.length) throw invalid("a name stands twice in the query");
  checkIds(request.method, query);
  const { bucket, key, encodedKey } = target(signed.given.get("host"), signed.path, settings.domain);
  const asked = key ? onObject(request.method, signed.given, names) : onBucket(request.method, names);
  if (!asked) throw denied("the signing proxy passes no such operation on");

  const { client } = signed;
  if (!client.operations.has(asked.operation)) throw denied(`this key may not ${asked.operation}`);
  if (client.bucket && client.bucket !== bucket) throw denied("this key is for another bucket");
  if (key && !key.startsWith(client.prefix)) throw denied(`this key is for names that begin with '${client.prefix}'`);
  if (!key && client.prefix && !asked.isAnyPrefix && !value(query, "prefix").startsWith(client.prefix))
    throw denied(`this key lists only names that begin with '${client.prefix}'`);
  if (asked.isNew)
    throw new S3Error(409, "BucketAlreadyOwnedByYou", "the signing proxy makes no buckets: this one is yours, or not there");
  if (signed.given.has("x-amz-copy-source")) signed.given.set("x-amz-copy-source", readSource(signed.given, client));
  checkHeaders(request.method, signed.given);
  // Of its own bucket the client is told here: at B2 these cost a class C transaction, and a restricted key may not ask.
  return { ...asked, isAnswered: client.bucket ? asked.isAnswered : null, bucket, key, encodedKey, query };
}

/** An empty id makes another operation of a request: a part would be stored as the object, a version be all of them. */
function checkIds(method, query) {
  const ids = new Map(query.filter(([name]) => ["uploadId", "versionId", "partNumber"].includes(name)));
  for (const [name, id] of ids) if (!id) throw invalid(`${name} is empty`);
  const part = ids.get("partNumber");
  if (part !== undefined && !(/^\d{1,5}$/.test(part) && part >= 1 && part <= 10000))
    throw invalid("partNumber must be a number from 1 to 10000");
  if (method === "PUT" && ids.has("uploadId") !== ids.has("partNumber")) throw invalid("a part has an uploadId and a partNumber");
}

/** A header that is dropped in silence could be one that was to protect the object. */
function checkHeaders(method, headers) {
  for (const name of headers.keys()) {
    if (name.startsWith("x-amz-") && !SENT.test(name) && !READ.test(name)) throw notPossible(`the header ${name} is not known here`);
    // B2 promises none of them, and Cloudflare takes them out: two clients would both believe that they were first.
    if (name.startsWith("if-") && method !== "GET" && method !== "HEAD")
      throw notPossible(`a ${method} with a condition (${name}) is not possible on B2`);
  }
  if ((headers.get("x-amz-storage-class") ?? "STANDARD") !== "STANDARD")
    throw new S3Error(400, "InvalidStorageClass", "B2 has one storage class, STANDARD");
}

function onObject(method, headers, names) {
  const has = (name) => names.includes(name);
  const only = (allowed) => names.every((name) => allowed.includes(name));
  if (method === "GET" && has("uploadId")) return only(PARTS) && { operation: "multipart" };
  if (method === "GET" || method === "HEAD") return only(READING) && { operation: method.toLowerCase() };
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
  // Clients such as rclone make the bucket before they write into it.
  if (method === "PUT") return names.length === 0 && { operation: "put", isAnyPrefix: true, isNew: true };
  if (method === "HEAD") return names.length === 0 && { operation: "list", isAnyPrefix: true, isAnswered: "head" };
  if (method === "POST" && names.includes("delete"))
    return names.length === 1 && { operation: "delete", change: "delete-many", isAnyPrefix: true };
  return null;
}

const known = (names) => names.every((name) => LISTING.includes(name));
const value = (query, wanted) => decodeURIComponent(query.find(([name]) => name === wanted)?.[1] ?? "");

function decoded(text, wrong) {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong;
  }
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

/** Return the source of a copy, which clients encode as a whole or by its parts, as B2 gets it. */
function readSource(headers, client) {
  const wrong = invalid("x-amz-copy-source must be BUCKET/KEY or BUCKET/KEY?versionId=ID, encoded as in an address");
  const match = /^([^?]*)(\?versionId=[\w.-]+)?$/.exec(headers.get("x-amz-copy-source"));
  const path = match && decoded(match[1], wrong).replace(/^\//, "");
  const at = path?.indexOf("/") ?? 0;
  if (at < 1 || at === path.length - 1) throw wrong;
  const [bucket, key] = [path.slice(0, at), path.slice(at + 1)];
  checkKey(key);
  if ((client.bucket && bucket !== client.bucket) || !key.startsWith(client.prefix)) throw denied("this key may not copy from there");
  if (!client.operations.has("get")) throw denied("this key may not get, so it may not copy");
  return `/${encoded(path)}${match[2] ?? ""}`;
}
