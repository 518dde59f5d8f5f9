/** What changed in the bucket, told to the app: signed as B2 signs its own event notifications, repeated until taken. */

import { hmac, hmacKey, toHex } from "./sigv4.js";
import { contents, elements } from "./xml.js";

const PAUSES_MS = [0, 1000, 2000, 4000, 8000]; // what runs after the answer ends after 30 s
const TIMEOUT_MS = 2500;
const LONGEST_PAUSE_S = 3600;
const MOST_EVENTS = 50; // what the app takes in one notification
const MOST_BYTES = 60_000; // and in one request

/**
 * Return the events of a request that changed something; none for one that did not or did not succeed.
 * @param {Request} request
 * @param {ReturnType<import("./policy.js").decide>} action
 * @param {Response} answer B2's
 * @param {{text?: string, keys?: string[], length: number, signed: {amzDate: string, requestId: string | null},
 *   settings: ReturnType<import("./env.js").parse>}} more
 */
export function events(request, action, answer, { text = "", length, signed, settings }) {
  if (!settings.webhook) return [];
  const isRefused = action.change !== "delete-many" && text.includes("<Error>"); // S3 may say so under a 200
  if (!action.change || !answer.ok || isRefused) return [];
  const one = (key, encodedKey, more) => ({
    contentLength: length,
    contentType: request.headers.get("content-type"),
    method: request.method,
    signatureTimestamp: signed.amzDate,
    status: answer.status,
    url: `${settings.origin}/${action.bucket}/${encodedKey}`,
    eventId: crypto.randomUUID(),
    bucket: action.bucket,
    key,
    etag: null,
    versionId: answer.headers.get("x-amz-version-id"),
    time: new Date().toISOString(),
    requestId: signed.requestId,
    ...more,
  });
  if (action.change !== "delete-many") return [one(action.key, action.encodedKey, kind(request, action, answer, text))];
  return contents(text, "Deleted").flatMap((deleted) => {
    const [key] = elements(deleted, "Key");
    if (!key) return [];
    const [versionId] = elements(deleted, "VersionId");
    const eventType = versionId ? "b2:ObjectDeleted:Delete" : "b2:HideMarkerCreated:Hide";
    const encoded = key.split("/").map(encodeURIComponent).join("/");
    return one(key, encoded, { versionId: versionId ?? elements(deleted, "DeleteMarkerVersionId")[0] ?? null, eventType });
  });
}

const CREATED = { put: "Upload", complete: "MultipartUpload", copy: "Copy" };

function kind(request, action, answer, text) {
  if (action.change === "delete") {
    const isByVersion = action.query.some(([name]) => name === "versionId");
    return { eventType: isByVersion ? "b2:ObjectDeleted:Delete" : "b2:HideMarkerCreated:Hide" };
  }
  const etag = answer.headers.get("etag") ?? elements(text, "ETag")[0] ?? null;
  return { eventType: `b2:ObjectCreated:${CREATED[action.change]}`, etag: etag?.replaceAll('"', "") ?? null };
}

/**
 * Tell the app of `list`: by the queue where the account has one, else from here. Never throws.
 * @param {object[]} list
 * @param {Record<string, any>} env
 * @param {ReturnType<import("./env.js").parse>} settings
 */
export async function notify(list, env, settings) {
  const waiting = [];
  for (const some of batches(list)) if (!env.EVENTS || !(await isQueued(some, env))) waiting.push(some);
  await insist(waiting, settings);
}

/** Cut a list into what goes in one request: on the Free plan a Worker may make 50 of them to answer one. */
function batches(list) {
  const found = [];
  let left = 0;
  for (const event of list) {
    const size = new TextEncoder().encode(`${JSON.stringify(event)},`).length;
    if (size > left || found.at(-1).length === MOST_EVENTS) {
      found.push([]);
      left = MOST_BYTES;
    }
    found.at(-1).push(event);
    left -= size;
  }
  return found;
}

async function isQueued(some, env) {
  try {
    await env.EVENTS.sendBatch(some.map((body) => ({ body })));
    return true;
  } catch (error) {
    console.error(JSON.stringify({ eventIds: ids(some), queue: String(error) }));
    return false;
  }
}

/** One after the other: an app that is away is then asked once before each pause, however much there is to tell. */
async function insist(waiting, settings) {
  for (const pauseMs of waiting.length ? PAUSES_MS : []) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    while (waiting.length && (await deliver(waiting[0], settings))) waiting.shift();
    if (!waiting.length) return;
    waiting.push(waiting.shift()); // what it never takes keeps nothing else waiting
  }
  for (const some of waiting) console.error(JSON.stringify({ eventIds: ids(some), keys: some.map(({ key }) => key), lost: true }));
}

const ids = (some) => some.map(({ eventId }) => eventId);

/**
 * Deliver what a queue kept; what the app does not take comes again, later each time.
 * @param {MessageBatch} batch
 * @param {ReturnType<import("./env.js").parse>} settings
 */
export async function consume(batch, settings) {
  await Promise.all(
    batch.messages.map(async (message) => {
      if (!settings.webhook || (await deliver([message.body], settings))) message.ack();
      else message.retry({ delaySeconds: Math.min(2 ** message.attempts, LONGEST_PAUSE_S) });
    }),
  );
}

/** Send one event as it is, several as a list; return whether the app has taken all of them. */
async function deliver(some, { webhook }) {
  const body = JSON.stringify(some.length === 1 ? some[0] : { events: some });
  const signature = toHex(await hmac(await hmacKey(new TextEncoder().encode(webhook.secret)), body));
  try {
    const answer = await fetch(webhook.url, {
      method: "POST",
      headers: { "content-type": "application/json", "x-bz-event-notification-signature": `v1=${signature}` },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await answer.body?.cancel();
    if (!answer.ok) console.error(JSON.stringify({ eventIds: ids(some), status: answer.status }));
    return answer.ok;
  } catch (error) {
    console.error(JSON.stringify({ eventIds: ids(some), failed: String(error) }));
    return false;
  }
}
