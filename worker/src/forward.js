/** The request as B2 gets it, signed anew over as little as B2 needs; and B2's answer as the client gets it. */

import { condition } from "./conditions.js";
import { S3Error, slowDown } from "./errors.js";
import { CONTENT, SENT, hasContent } from "./policy.js";
import { TRANSIENT, pause } from "./retry.js";
import { sign } from "./sign.js";
import { canonicalQuery } from "./sigv4.js";

const ATTEMPTS = 4;
const LONGEST_WAIT_S = 3; // longer than that the client waits by itself

const CONDITIONS = ["if-match", "if-modified-since", "if-none-match", "if-unmodified-since", "range"];
const ANSWERED =
  /^(accept-ranges|cache-control|content-(disposition|encoding|language|length|range|type)|etag|expires|last-modified|retry-after|x-amz-(meta-.+|acl|copy-source-version-id|delete-marker|id-2|mp-parts-count|request-id|server-side-encryption|version-id))$/;

/**
 * Send what `action` is to B2 and return its answer, and how many attempts it took. A body in `bytes`, or none at all,
 * is sent again where B2 says that this may help. Throws S3Error 503 SlowDown where the client has to repeat it.
 * @param {Request} request
 * @param {Awaited<ReturnType<import("./verify.js").verify>>} signed
 * @param {ReturnType<import("./policy.js").decide>} action
 * @param {Awaited<ReturnType<import("./body.js").openBody>>} body
 * @param {ReturnType<import("./env.js").parse>} settings
 * @returns {Promise<{answer: Response, attempts: number}>}
 */
export async function forward(request, signed, action, body, settings) {
  const isRepeatable = !body.stream && action.change !== "complete";
  for (let attempts = 1; ; attempts += 1) {
    const answer = await send(request, signed.given, action, body, settings).catch((error) => {
      console.error(JSON.stringify({ failed: String(error) }));
      return null;
    });
    if (body.failure()) throw body.failure();
    if (answer && !TRANSIENT.has(answer.status)) return { answer: checked(answer, request.method, signed.given), attempts };
    const waitS = Number(answer?.headers.get("retry-after") ?? 0) || 0;
    await answer?.body?.cancel();
    if (!isRepeatable || attempts === ATTEMPTS || waitS > LONGEST_WAIT_S)
      throw slowDown("B2 does not take the request right now; send it again", Math.max(1, Math.min(waitS, 60)));
    await pause(attempts, waitS);
  }
}

/** A page instead of XML is not from B2's S3, nor is what has stored an object and does not say which, nor a redirect. */
function checked(answer, method, given) {
  const isCopy = given.has("x-amz-copy-source"); // its ETag stands in a document, as that of a multipart upload does
  const type = answer.headers.get("content-type") ?? "";
  const isPage = answer.status >= 400 ? !/xml/.test(type) : /html/.test(type) && (method === "POST" || isCopy);
  const isUnnamed = method === "PUT" && answer.ok && !isCopy && !answer.headers.get("etag");
  const isRedirect = answer.status >= 300 && answer.status < 400 && answer.status !== 304;
  if (isPage || isUnnamed || isRedirect)
    throw slowDown("what answered was not B2; send it again");
  return answer;
}

async function send(request, given, action, body, settings) {
  // Cloudflare's cache turns a HEAD into a GET on its way, so it is signed as one; the body is not read.
  const method = request.method === "HEAD" ? "GET" : request.method;
  const path = `/${action.bucket}${action.encodedKey ? `/${action.encodedKey}` : ""}`;
  const unsigned = headersFor(given, method, body.md5);
  const headers = await sign(method, path, action.query, unsigned, body.payloadHash, settings);
  const query = canonicalQuery(action.query);
  return fetch(`${settings.origin}${path}${query ? `?${query}` : ""}`, {
    method,
    headers,
    body: body.stream ?? body.bytes,
    redirect: "manual",
    // The objects say `public`, so Cloudflare would keep what the client asked for with its key. Not for a PUT: this
    // adds Cache-Control to the request, where it is the object's own.
    ...(method === "GET" && { cache: "no-store" }),
    encodeResponseBody: isObject(request, action) ? "manual" : "automatic",
  });
}

/** The bytes of an object pass as they are; lists and answers are read as text. */
const isObject = ({ method }, { key }) => Boolean(key) && method !== "POST";

/** Return the headers that go on, by name. */
function headersFor(given, method, md5) {
  const headers = {};
  for (const [name, value] of given) {
    if (name === "x-amz-acl" && value === "private") continue; // SDKs send it unasked; B2 knows the bucket's ACL alone
    const isCondition = method === "GET" && CONDITIONS.includes(name);
    if (SENT.test(name) || isCondition || (hasContent(method) && CONTENT.has(name))) headers[name] = value;
  }
  const coding = headers["content-encoding"]?.split(",").map((one) => one.trim()).filter((one) => !/^aws-chunked$/i.test(one));
  if (coding?.length) headers["content-encoding"] = coding.join(", ");
  else delete headers["content-encoding"];
  if (md5) headers["content-md5"] = md5;
  return headers;
}

/**
 * Return B2's answer as the client gets it.
 * @param {Request} request
 * @param {ReturnType<import("./policy.js").decide>} action
 * @param {Response} answer
 * @param {{text?: string, attempts: number}} more `text` is the body where it was read already
 */
export function respond(request, action, answer, { text, attempts }) {
  const status = condition(request, answer) ?? answer.status;
  if (status === 412) throw new S3Error(412, "PreconditionFailed", "the object is not as the request demands");
  const isBodiless = request.method === "HEAD" || status === 304;
  const isEmpty = isBodiless || status === 204 || answer.headers.get("content-length") === "0";
  const dropped = status === 304 || text !== undefined ? "content-length" : "";
  const headers = [...answer.headers].filter(([name]) => ANSWERED.test(name) && name !== dropped);
  // Each attempt may have left a version of its own, of which the client knows one.
  if (attempts > 1) headers.push(["x-bowerbird-attempts", String(attempts)]);
  if (isBodiless) answer.body?.cancel();
  const encodeBody = isObject(request, action) && text === undefined ? "manual" : "automatic";
  return new Response(isEmpty ? null : (text ?? answer.body), { status, headers, encodeBody });
}
