/** The signing proxy: an S3 endpoint that verifies, allows, signs anew, streams on, and tells the app what changed. */

import { openBody } from "./body.js";
import { rewriteDeletion } from "./deletion.js";
import { readSettings } from "./env.js";
import { S3Error, errorResponse } from "./errors.js";
import { forward, respond } from "./forward.js";
import { consume, events, notify } from "./notify.js";
import { decide } from "./policy.js";
import { sha256 } from "./sigv4.js";
import { readRequestId, verify } from "./verify.js";
import { VERSION, VERSION_HEADER } from "./version.js";

export default {
  /** Answer one S3 request; every answer tells which version of the proxy gave it. */
  async fetch(request, env, context) {
    const response = await answer(request, env, context);
    response.headers.set(VERSION_HEADER, VERSION);
    return response;
  },

  /** Deliver the notifications that a queue kept. */
  async queue(batch, env) {
    await consume(batch, readSettings(env));
  },
};

async function answer(request, env, context) {
  try {
    const settings = readSettings(env);
    const signed = await verify(request, settings, Date.now());
    const action = decide(request, signed, settings);
    if (action.isAnswered) return answered(action, settings);
    const body = await openBody(request, signed, settings);
    if (request.method === "POST") await prepare(request, action, body, signed);
    const done = pass(request, action, body, signed, settings);
    // A client that hangs up must not keep the app from hearing of what B2 has stored.
    if (action.change && settings.webhook) context.waitUntil(done.then(({ list }) => notify(list, env, settings)).catch(() => {}));
    return (await done).response;
  } catch (error) {
    await drain(request);
    return errorResponse(error, newRequestId(), request.method, readRequestId(request.headers));
  }
}

const newRequestId = () => crypto.randomUUID().replaceAll("-", "").slice(0, 16).toUpperCase();

/** Clients send their whole body before they read: a refusal in the midst of it would be a broken connection to them. */
async function drain(request) {
  await request.body?.pipeTo(new WritableStream()).catch(() => {});
}

async function pass(request, action, body, signed, settings) {
  const { answer, attempts } = await forward(request, signed, action, body, settings);
  const text = request.method === "POST" || action.change === "copy" ? await answer.text() : undefined;
  if (action.change) logChange(request, action, answer, signed);
  const list = events(request, action, answer, { text, length: body.length, signed, settings });
  return { list, response: respond(request, action, answer, { text, attempts }) };
}

/** What changes the bucket is a line of the log, under the id that the app's own lines have. */
function logChange({ method }, { bucket, key, change }, { status }, { requestId, client }) {
  console.log(JSON.stringify({ changed: change, method, bucket, key, status, accessKeyId: client.accessKeyId, appRequestId: requestId }));
}

/** Two questions cost a class C transaction at B2, and a restricted key may not ask them; the settings know. */
function answered({ isAnswered }, { region }) {
  const headers = { "x-amz-bucket-region": region, "x-amz-request-id": newRequestId() };
  if (isAnswered === "head") return new Response(null, { headers });
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${region}</LocationConstraint>\n`;
  return new Response(xml, { headers: { ...headers, "content-type": "application/xml" } });
}

/** B2 takes no checksums in a list of parts, and no list of keys without Content-MD5; the keys must be allowed. */
async function prepare(request, action, body, signed) {
  if (action.change !== "complete" && action.change !== "delete-many") return;
  const sent = request.headers.get("content-md5");
  if (sent !== null && sent !== (await md5(body.bytes))) throw new S3Error(400, "BadDigest", "Content-MD5 is not that of the body");
  const xml = decode(body.bytes);
  const isDeletion = action.change === "delete-many";
  const rewritten = isDeletion ? rewriteDeletion(xml, signed.client) : xml.replace(/<(Checksum\w+)>[^<]*<\/\1>/g, "");
  body.bytes = new TextEncoder().encode(rewritten);
  body.payloadHash = await sha256(body.bytes);
  body.md5 = await md5(body.bytes);
}

/** Another reader would see other names in what is not UTF-8. */
function decode(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new S3Error(400, "MalformedXML", "the body is not UTF-8");
  }
}

const md5 = async (bytes) => btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("MD5", bytes))));
