/** Puts an event into a queue whose app fails once, and prints what the app was sent: `node queue.mjs SECRET`. */

import { createServer } from "node:http";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Miniflare } from "miniflare";

const [, , secret] = process.argv;
const source = fileURLToPath(new URL("../src/", import.meta.url));
let count = 0;
const taken = Promise.withResolvers?.() ?? deferred();
const app = createServer((request, response) => {
  let body = "";
  request.on("data", (piece) => (body += piece));
  request.on("end", () => {
    count += 1;
    const status = count > 1 ? 200 : 503;
    console.log(JSON.stringify({ status, body, signature: request.headers["x-bz-event-notification-signature"] }));
    response.writeHead(status).end();
    if (status === 200) taken.resolve();
  });
});
await new Promise((resolve) => app.listen(0, "127.0.0.1", resolve));

const names = readdirSync(source).sort((a, b) => (b === "index.js") - (a === "index.js"));
const miniflare = new Miniflare({
  modulesRoot: source,
  modules: names.map((name) => ({ type: "ESModule", path: `${source}${name}` })),
  compatibilityDate: "2026-04-01",
  bindings: {
    B2_ENDPOINT: "s3.us-west-004.backblazeb2.com",
    B2_APPLICATION_KEY_ID: "key-id",
    B2_APPLICATION_KEY: "application-key",
    WEBHOOK_URL: `http://127.0.0.1:${app.address().port}/hooks/b2`,
    WEBHOOK_SECRET: secret,
  },
  queueProducers: { EVENTS: "events" },
  queueConsumers: { events: { maxBatchTimeout: 0, maxRetries: 5, retryDelay: 0 } },
});
const { EVENTS } = await miniflare.getBindings();
await EVENTS.send({ eventId: "1", key: "a.png" });
await taken.promise;
await miniflare.dispose();
app.close();

function deferred() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}
