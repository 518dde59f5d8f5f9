// The service worker: opens the upload page without a connection, takes what other apps share, sends what waits.
// The server puts `self.SHELL` before this: the version, and the files of the upload page with their digests.

import { LARGE_BYTES, SYNC, all, claim, newKey, news, put } from "/static/outbox.js";
import { csrfToken } from "/static/session.js";

const { version, files } = self.SHELL;
const CACHE = `bowerbird ${version}`;
const PAGES = { upload: `/shell/${version}/upload`, offline: `/shell/${version}/offline` };
const LATER = [401, 403, 408, 409, 429]; // these, and whatever is the server's own fault, may end differently next time
const shells = new Set(); // the pages that came from the cache: their scripts do too, so that no two versions mix

addEventListener("install", (event) => event.waitUntil(install()));
addEventListener("activate", (event) => event.waitUntil(activate()));
addEventListener("sync", (event) => {
  if (event.tag === SYNC) event.waitUntil(sendAll());
});
addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (origin !== location.origin) return;
  if (mode === "navigate" && method === "POST" && pathname === "/share") event.respondWith(takeShare(event.request));
  else if (mode === "navigate" && method === "GET") event.respondWith(showPage(event, pathname));
  else if (method === "GET" && pathname in files && shells.has(event.clientId)) event.respondWith(cached(pathname));
});

/** Fetch the shell; what does not have the digest that belongs to this version ends the installation. */
async function install() {
  const cache = await caches.open(CACHE);
  const wanted = Object.entries(files).map(([path, integrity]) => new Request(path, { integrity, cache: "no-cache" }));
  await cache.addAll([...wanted, ...Object.values(PAGES)]);
  await skipWaiting();
}

async function activate() {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
  await registration.navigationPreload?.enable();
  await clients.claim();
  for (const page of await clients.matchAll()) page.postMessage({ version });
}

/** The server's page, asked for by the browser itself (preload), so that the cookies are those of who sent it here. */
async function showPage(event, path) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    shells.add(event.resultingClientId);
    return cached(path === "/" ? PAGES.upload : PAGES.offline);
  }
}

async function cached(path) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path, { ignoreVary: true })) ?? fetch(path);
}

/** Keep shared files until a click on the page: another site, too, can make a browser send this form. */
async function takeShare(request) {
  const form = await request.formData();
  const shared = form.getAll("files").filter((one) => one instanceof File && one.size);
  const words = ["url", "text", "title"].map((name) => form.get(name)).filter((text) => typeof text === "string");
  const address = /https?:\/\/\S+/i.exec(words.join(" "))?.[0];
  const query = new URLSearchParams(address ? { url: address } : {});
  try {
    for (const file of shared) await put({ key: newKey(), file, options: {}, isAsked: true });
    if (!shared.length && !address) query.set("shared", "nothing");
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    query.set("shared", "full");
  }
  return Response.redirect(`/?${query}`, 303);
}

/** Send all that waits for a connection; rejects where that has to be tried again, and the browser does so. */
async function sendAll() {
  const isDue = ({ file, isAsked, problem }) => file?.size <= LARGE_BYTES && !isAsked && !problem;
  const waiting = (await all()).filter(isDue);
  if (!waiting.length) return;
  const csrf = await csrfToken();
  if (!csrf) return; // signed out: it stays, and the pages say so
  for (const { key } of waiting) await claim(key, (record) => deliver(record, csrf));
}

async function deliver({ key, file, options }, csrf) {
  const form = new FormData();
  for (const [name, value] of Object.entries(options)) if (value) form.append(name, value);
  form.append("file", file, file.name || "pasted.png");
  const headers = { Accept: "application/json", "Idempotency-Key": key, "X-CSRF-Token": csrf };
  const answer = await fetch("/api/upload", { method: "POST", headers, body: form });
  const body = await answer.json().catch(() => ({}));
  if (answer.status === 201) {
    await put({ key, file: null, name: file.name, size: file.size, options, answer: body });
    news?.postMessage({ key, answer: body });
  } else if (answer.status >= 500 || LATER.includes(answer.status)) {
    throw new Error(`the server answered ${answer.status}`);
  } else {
    await put({ key, file, options, problem: body.error ?? `The server answered ${answer.status} without a reason.` });
  }
}
