/** Who sent this, and did they sign all of it: the Authorization header or the query of a presigned URL. */

import { S3Error, denied, invalid } from "./errors.js";
import { rawTarget } from "./keys.js";
import { CONTENT, hasContent } from "./policy.js";
import { UNSIGNED_PAYLOAD, canonicalRequest, isSignature, parseQuery, signingKey, stringToSign } from "./sigv4.js";

const SKEW_MS = 15 * 60 * 1000; // AWS's own
const LONGEST_S = 7 * 24 * 3600;
const ALGORITHM = "AWS4-HMAC-SHA256";
const HEADER =
  /^AWS4-HMAC-SHA256\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([0-9a-f]{64})$/;

// Cloudflare has put its own value in place of the client's; these are what the clients that sign it send.
const ACCEPT_ENCODINGS = ["identity", "gzip", "", "gzip, deflate", "gzip, deflate, br", "deflate, gzip", "*"];

/**
 * Return what a good request is: its client, its headers (`given`, a Map), its path and query as SigV4 writes them, how
 * its body is signed, what the signatures of its chunks go on from, and the app's own id of what it is for. Throws
 * S3Error, each refusal with S3's own code.
 * @param {Request} request
 * @param {ReturnType<import("./env.js").parse>} settings
 * @param {number} now milliseconds
 */
export async function verify(request, settings, now) {
  const given = new Map(request.headers); // read once: each look into the request's own costs a crossing
  const { path, search } = rawTarget(request.url);
  const query = parseQuery(search);
  const signed = readSignature(given, query);
  const client = settings.keys.get(signed.accessKeyId);
  if (!client) throw new S3Error(403, "InvalidAccessKeyId", "the access key id is not known here");
  checkScope(signed, settings.region);
  checkTime(signed, now);
  checkSignedHeaders(request.method, given, signed);

  const key = await signingKey(client, signed.scope);
  const payloadHash = signed.payloadHash ?? given.get("x-amz-content-sha256") ?? UNSIGNED_PAYLOAD;
  const rest = query.filter(([name]) => name !== "X-Amz-Signature");
  for (const encoding of acceptEncodings(given, signed)) {
    const headers = signed.headers.map((name) => [name, name === "accept-encoding" ? encoding : given.get(name)]);
    const canonical = canonicalRequest({ method: request.method, path, query: rest, headers, payloadHash });
    if (await isSignature(key, await stringToSign(signed.amzDate, signed.scope, canonical), signed.signature)) {
      const asked = signed.expiresMs ? lower(rest, given) : rest;
      const asIs = asked.filter(([name]) => !PRESIGNED.has(name));
      return { ...signed, given, client, path, query: asIs, payloadHash, key, requestId: readRequestId(given) };
    }
  }
  throw new S3Error(403, "SignatureDoesNotMatch", "the signature is not that of this request and this secret key");
}

/** Return the id that the app gives the request for which it sends this one; null where there is none. */
export function readRequestId(headers) {
  const given = headers.get("x-bowerbird-request-id");
  return /^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/.test(given ?? "") ? given : null;
}

// Amazon's SDKs presign it without being asked: they have no body yet.
const CRC32_OF_NOTHING = "AAAAAA==";
const PRESIGNED = new Set([
  "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Content-Sha256",
]);

/** SDKs hoist x-amz-* headers into the query that they presign: there they are the headers that they were. */
function lower(query, given) {
  const isHeader = ([name]) => /^x-amz-/i.test(name) && !PRESIGNED.has(name);
  for (const [name, value] of query.filter(isHeader).map(([name, value]) => [name.toLowerCase(), decodeURIComponent(value)])) {
    if (given.has(name)) throw invalid(`${name} stands in the headers and in the query`);
    if (!/^[\x20-\x7e]*$/.test(value) || name === "x-amz-content-sha256") throw invalid(`${name} may not stand so in a query`);
    if (name !== "x-amz-checksum-crc32" || value !== CRC32_OF_NOTHING) given.set(name, value);
  }
  return query.filter((pair) => !isHeader(pair));
}

function readSignature(given, query) {
  const authorization = given.get("authorization");
  const isPresigned = query.some(([name]) => name === "X-Amz-Signature" || name === "X-Amz-Algorithm");
  if (authorization && isPresigned) throw invalid("the request is signed twice: in its header and in its query");
  if (given.has("x-amz-security-token") || query.some(([name]) => name === "X-Amz-Security-Token"))
    throw new S3Error(400, "InvalidToken", "session tokens are not known here");
  if (isPresigned) return readQuery(query);
  if (!authorization) throw denied("unauthenticated requests are not allowed here");
  const match = HEADER.exec(authorization);
  if (!match) throw new S3Error(400, "InvalidRequest", `the Authorization header must be of the form ${ALGORITHM}`);
  const amzDate = given.get("x-amz-date");
  if (!amzDate) throw denied("the header x-amz-date is missing");
  if (!given.has("x-amz-content-sha256"))
    throw new S3Error(400, "InvalidRequest", "the header x-amz-content-sha256 is missing");
  return {
    ...readCredential(match[1]),
    amzDate,
    headers: readNames(match[2], ["host", "x-amz-date", "x-amz-content-sha256"]),
    signature: match[3],
  };
}

function readQuery(query) {
  const values = new Map(query.map(([name, value]) => [name, decodeURIComponent(value)]));
  if (values.size !== query.length) throw invalid("a name stands twice in the query of a presigned URL");
  if (values.get("X-Amz-Algorithm") !== ALGORITHM) throw invalid(`X-Amz-Algorithm must be ${ALGORITHM}`);
  for (const name of ["X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"])
    if (!values.get(name)) throw new S3Error(400, "AuthorizationQueryParametersError", `${name} is missing`);
  const expires = values.get("X-Amz-Expires");
  if (!/^\d{1,6}$/.test(expires) || !(expires >= 1 && expires <= LONGEST_S))
    throw new S3Error(400, "AuthorizationQueryParametersError", `X-Amz-Expires must be 1 to ${LONGEST_S} seconds`);
  return {
    ...readCredential(values.get("X-Amz-Credential")),
    amzDate: values.get("X-Amz-Date"),
    expiresMs: 1000 * expires,
    headers: readNames(values.get("X-Amz-SignedHeaders"), ["host"]),
    signature: values.get("X-Amz-Signature"),
    payloadHash: values.get("X-Amz-Content-Sha256"),
  };
}

function readCredential(text) {
  const [accessKeyId, date, region, service, end, ...more] = text.split("/");
  if (more.length || end !== "aws4_request" || !accessKeyId)
    throw malformed("the credential must be KEY/DATE/REGION/s3/aws4_request");
  return { accessKeyId, date, region, service, scope: `${date}/${region}/${service}/${end}` };
}

function readNames(text, required) {
  const names = text.split(";");
  const isSorted = names.every((name, at) => /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && (!at || names[at - 1] < name));
  if (!isSorted) throw malformed("SignedHeaders must be lower case, sorted, each once");
  const missing = required.find((name) => !names.includes(name));
  if (missing) throw denied(`the header ${missing} must be signed`);
  return names;
}

function checkScope({ date, region, service, amzDate }, ours) {
  if (region !== ours) throw malformed(`the region '${region}' is wrong; expecting '${ours}'`, ours);
  if (service !== "s3") throw malformed(`the service '${service}' is wrong; expecting 's3'`);
  if (date !== amzDate.slice(0, 8)) throw malformed(`the scope is of ${date}, but x-amz-date is ${amzDate}`);
}

function checkTime({ amzDate, expiresMs }, now) {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(amzDate);
  const at = match ? Date.parse(`${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z`) : NaN;
  if (Number.isNaN(at)) throw denied("x-amz-date must be of the form 20261124T120000Z");
  const isLate = expiresMs ? now - at > expiresMs : now - at > SKEW_MS;
  if (isLate && expiresMs) throw denied("the presigned address has expired");
  if (isLate || at - now > SKEW_MS)
    throw new S3Error(403, "RequestTimeTooSkewed", "the clocks of client and server are more than 15 minutes apart");
}

/** A header that the client did not sign is not the client's. */
function checkSignedHeaders(method, headers, signed) {
  for (const name of signed.headers)
    if (!headers.has(name) && name !== "accept-encoding")
      throw new S3Error(400, "InvalidRequest", `header '${name}' is listed in signed headers, but is not present`);
  for (const name of headers.keys())
    if ((/^x-(amz|bowerbird)-/.test(name) || (hasContent(method) && CONTENT.has(name))) && !signed.headers.includes(name))
      throw denied(`the header ${name} is there, but not signed`);
}

function acceptEncodings(headers, signed) {
  return signed.headers.includes("accept-encoding")
    ? [headers.get("accept-encoding") ?? "", ...ACCEPT_ENCODINGS]
    : [""];
}

const malformed = (message, region) => new S3Error(400, "AuthorizationHeaderMalformed", message, { region });
