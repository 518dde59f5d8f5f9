/** The body of a request: checked against what the client said of it, and made plain for B2. */

import { MODES, decode, pieces } from "./chunked.js";
import { S3Error, invalid } from "./errors.js";
import { EMPTY_SHA256, UNSIGNED_PAYLOAD, sha256 } from "./sigv4.js";

const MAX_XML = 2 * 1024 * 1024; // ten thousand parts, or a thousand keys
const CHECKSUMS = new Map([
  ["x-amz-checksum-crc32", "crc32"],
  ["x-amz-checksum-crc32c", "crc32c"],
  ["x-amz-checksum-crc64nvme", "crc64nvme"],
  ["x-amz-checksum-md5", "MD5"],
  ["x-amz-checksum-sha1", "SHA-1"],
  ["x-amz-checksum-sha256", "SHA-256"],
  ["x-amz-checksum-sha512", "SHA-512"],
]);
const WITHOUT_VALUE = /^x-amz-checksum-(algorithm|mode|type)$/;

/**
 * Return `{bytes, stream, length, payloadHash, failure}`: either `bytes`, checked, which can be sent again, or a
 * `stream` whose last bytes come only when all before them are good: B2 keeps no object whose body ends early.
 * `failure()` is the refusal that cut the stream, if one did.
 * @param {Request} request
 * @param {Awaited<ReturnType<import("./verify.js").verify>>} signed
 * @param {{bufferBytes: number}} settings
 */
export async function openBody(request, signed, settings) {
  const isChunked = signed.payloadHash.startsWith("STREAMING-");
  if (isChunked ? !MODES[signed.payloadHash] : !/^([0-9a-f]{64}|UNSIGNED-PAYLOAD)$/.test(signed.payloadHash))
    throw invalid("x-amz-content-sha256 must be a SHA-256 in hex, UNSIGNED-PAYLOAD or one of the STREAMING- modes");
  if (request.method !== "PUT" && request.method !== "POST") return withoutBody(request.method, signed.given);
  if (!isChunked && /aws-chunked/i.test(signed.given.get("content-encoding") ?? ""))
    throw new S3Error(400, "InvalidRequest", "a body in aws-chunked needs one of the STREAMING- modes");

  const length = request.body ? readLength(signed.given, isChunked) : 0;
  if (length > signed.client.maxBytes)
    throw new S3Error(400, "EntityTooLarge", `the body has ${length} bytes; this key may send ${signed.client.maxBytes}`);
  if (request.method === "POST" && length > MAX_XML)
    throw new S3Error(400, "MaxMessageLengthExceeded", `the body has ${length} bytes; at most ${MAX_XML} are taken`);

  const hash = isChunked ? UNSIGNED_PAYLOAD : signed.payloadHash;
  const sums = announced(signed.given, Boolean(MODES[signed.payloadHash]?.hasTrailer));
  const isSmall = length <= settings.bufferBytes || request.method === "POST";
  if (!isSmall && !isChunked && !sums.names.length) return { ...NOTHING, stream: request.body, length, payloadHash: hash };
  const checkedPieces = checked(request, signed, isChunked, sums, length);
  if (!isSmall) return { ...guarded(checkedPieces, length), length, payloadHash: hash };
  const bytes = isChunked || sums.names.length ? await join(checkedPieces, length) : new Uint8Array(await request.arrayBuffer());
  if (bytes.length !== length) throw short(bytes.length, length);
  if (hash !== UNSIGNED_PAYLOAD && (await sha256(bytes)) !== hash)
    throw new S3Error(400, "XAmzContentSHA256Mismatch", "x-amz-content-sha256 is not the SHA-256 of the body");
  return { ...NOTHING, bytes, length, payloadHash: hash };
}

const NOTHING = { bytes: null, stream: null, failure: () => null };
const short = (got, length) => new S3Error(400, "IncompleteBody", `${got} bytes came; ${length} were announced`);

function withoutBody(method, headers) {
  if (Number(headers.get("content-length") ?? 0) > 0)
    throw new S3Error(400, "InvalidRequest", `a ${method} takes no body`);
  return { ...NOTHING, length: 0, payloadHash: EMPTY_SHA256 };
}

function readLength(headers, isChunked) {
  const name = isChunked ? "x-amz-decoded-content-length" : "content-length";
  const text = headers.get(name);
  if (text === undefined) throw new S3Error(411, "MissingContentLength", `the header ${name} is missing`);
  if (!/^\d{1,13}$/.test(text)) throw invalid(`the header ${name} is not a number`);
  return Number(text);
}

/** The checksums that the client sends: those in headers, and those that it says come in the trailer. */
function announced(headers, hasTrailer) {
  const inTrailer = (headers.get("x-amz-trailer") ?? "").split(",").map((name) => name.trim().toLowerCase()).filter(Boolean);
  if (inTrailer.length > 0 !== hasTrailer)
    throw new S3Error(400, "InvalidRequest", "x-amz-trailer goes with a mode that has a trailer, and each such mode with it");
  const inHeaders = [...headers.keys()].filter((name) => name.startsWith("x-amz-checksum-") && !WITHOUT_VALUE.test(name));
  const names = [...new Set([...inHeaders, ...inTrailer])];
  const unknown = names.find((name) => !CHECKSUMS.has(name));
  if (unknown) throw invalid(`${unknown} is not known here, so it cannot be checked`);
  return { names, trailer: new Map(inTrailer.map((name) => [name, null])) };
}

async function* checked(request, signed, isChunked, { names, trailer }, length) {
  const digests = names.map((name) => new crypto.DigestStream(CHECKSUMS.get(name)));
  const writers = digests.map((digest) => digest.getWriter());
  const body = request.body ?? new Response("").body;
  let count = 0;
  for await (const piece of isChunked ? decode(body, signed, trailer) : pieces(body)) {
    count += piece.length;
    if (count > length) throw short(`more than ${length}`, length);
    for (const writer of writers) await writer.write(piece);
    yield piece;
  }
  if (count !== length) throw short(count, length);
  for (const [at, name] of names.entries()) {
    await writers[at].close();
    const value = btoa(String.fromCharCode(...new Uint8Array(await digests[at].digest)));
    const sent = [trailer.get(name), signed.given.get(name)];
    if (sent.some((one) => one !== undefined && one !== value))
      throw new S3Error(400, "BadDigest", `${name} is not that of the body`);
  }
}

async function join(pieces, length) {
  const bytes = new Uint8Array(length);
  let at = 0;
  for await (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function guarded(pieces, length) {
  const { readable, writable } = new FixedLengthStream(length);
  let refusal = null;
  pump(pieces, writable.getWriter()).catch((error) => {
    refusal = error;
  });
  return { ...NOTHING, stream: readable, failure: () => (refusal instanceof S3Error ? refusal : null) };
}

async function pump(pieces, writer) {
  let held = null;
  try {
    for await (const piece of pieces) {
      if (held) await writer.write(held);
      held = piece;
    }
    if (held) await writer.write(held);
    await writer.close();
  } catch (error) {
    await writer.abort(error);
    throw error;
  }
}
