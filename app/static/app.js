// Every page of the owner: sets up the service worker, and asks before a sign-out removes what still waits here.

import { canKeep, clear, waiting } from "./outbox.js";

const REMOVES = "Signing out removes from this device what was not sent yet. Images that wait: ";

/** How many images wait; a browser that forbids storage has none. */
async function count() {
  try {
    return canKeep() ? await waiting() : 0;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return 0;
  }
}

async function signOut(event) {
  event.preventDefault();
  const left = await count();
  if (left && !confirm(`${REMOVES}${left}`)) return;
  if (canKeep()) await clear().catch(() => {}); // a browser that forbids storage
  event.target.submit();
}

document.querySelector("form[action='/logout']")?.addEventListener("submit", signOut);
const told = document.getElementById("waiting");
if (told) {
  const left = await count();
  told.hidden = !left;
  told.querySelector("b").textContent = left;
}
if (canKeep()) {
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    const renewed = document.getElementById("renewed");
    if (renewed) renewed.hidden = data.version === document.querySelector("meta[name=version]").content;
  });
  // A browser that takes no modules here (Firefox before 147) goes on without a worker.
  navigator.serviceWorker.register("/sw.js", { type: "module", updateViaCache: "none" }).catch(() => {});
}
