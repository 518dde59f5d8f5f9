/** An object as the private bucket gives it: asked for again where that helps, and refusals in words of our own. */

import { TRANSIENT, pause } from "../../src/retry.js";
import { sign } from "../../src/sign.js";
import { EMPTY_SHA256 } from "../../src/sigv4.js";
import { Refusal, notFound, unsatisfiable } from "./refusal.js";

const ATTEMPTS = 3;

/**
 * Return B2's answer, 200 or 206. Throws Refusal: 404, 416, and 503 for whatever keeps B2 from answering.
 * @param {string} path encoded, of the key alone
 * @param {string | null} range
 * @param {ReturnType<import("./env.js").readSettings>} settings
 */
export async function read(path, range, settings) {
  for (let attempts = 1; ; attempts += 1) {
    const answer = await ask(path, range, settings).catch((error) => {
      console.error(JSON.stringify({ failed: String(error) }));
      return null;
    });
    if (answer && !TRANSIENT.has(answer.status)) return judged(answer);
    await answer?.body?.cancel();
    if (attempts === ATTEMPTS) throw unavailable("The image store does not answer right now; try again in a moment.", 5);
    await pause(attempts);
  }
}

/** Always a GET: Cloudflare turns a HEAD into one on its way. The range stays unsigned, for Cloudflare may rewrite it. */
async function ask(path, range, settings) {
  const full = `/${settings.bucket}${path}`;
  const headers = await sign("GET", full, [], range ? { range } : {}, EMPTY_SHA256, settings);
  // What is kept is kept by the public URL alone: see cache.js.
  return fetch(settings.origin + full, { headers, redirect: "manual", cache: "no-store", encodeResponseBody: "manual" });
}

async function judged(answer) {
  if (answer.status === 200 || answer.status === 206) return answer;
  const text = await answer.text();
  if (answer.status === 416) throw unsatisfiable(answer);
  if (answer.status === 404 && !text.includes("NoSuchBucket")) throw notFound();
  // For the owner, who reads the log; viewers need not know what the bucket is called.
  console.error(JSON.stringify({ status: answer.status, said: text.slice(0, 500) }));
  if (/cap exceeded/i.test(text))
    throw unavailable("The image store has no downloads left for today; they begin anew at 00:00 UTC.", untilMidnight());
  throw unavailable("The image store does not let this host read; the log of the Worker says why.", 300);
}

const unavailable = (message, seconds) => new Refusal(503, message, { "retry-after": String(seconds) });

/** B2's day, of which the caps are, ends at midnight UTC. */
const untilMidnight = (now = Date.now()) => Math.ceil(86400 - ((now / 1000) % 86400));
