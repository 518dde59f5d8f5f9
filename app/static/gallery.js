// The gallery: selecting, what is done with the selected, keys, and thumbnails that are still to come.

import { placeholders } from "./blurhash.js";
import { copyText, formText } from "./copy.js";
import "./done.js";
import { endless } from "./scroll.js";
import { boxOf, focused, move, select, selectAll, selected, tiles } from "./selection.js";

const MOST = 500; // images at once, as the server has it
const WAITS_S = [2, 3, 5, 10, 20, 40, 60]; // between looks for thumbnails that were still to be made
const SIDEWAYS = ["ArrowLeft", "ArrowRight"];
const RETRIES = 3; // of a thumbnail that does not come
const lost = new Map(); // how often each did not, by key
let looking = 0;
const $ = (id) => document.getElementById(id);
const form = $("picked");

function say(text) {
  $("status").textContent = text;
}

function complain(text) {
  $("problem").textContent = text ?? "";
  $("problem").hidden = !text;
  if (text) $("problem").scrollIntoView({ block: "nearest" });
}

function count() {
  const number = selected().length;
  if ($("count")) $("count").textContent = `${number} selected`;
  if (number > MOST) complain(`${number} images are selected; at most ${MOST} are taken at once.`);
  else complain();
}

/** Ask whether to delete what is selected, or else the image that has the focus. */
async function askToDelete() {
  const here = focused();
  if (!selected().length && here) select(here, true);
  const number = selected().length;
  if (!number) return;
  $("ask-title").textContent = number === 1 ? "Delete this image?" : `Delete these ${number} images?`;
  $("ask").returnValue = "no";
  $("ask").showModal();
  await new Promise((resolve) => { $("ask").addEventListener("close", resolve, { once: true }); });
  if ($("ask").returnValue === "yes") await act("delete", { sure: "1" });
}

/** Let the server do `action` with the selected, and show what came of it. */
async function act(action, more = {}) {
  const given = new URLSearchParams(new FormData(form));
  for (const [name, value] of Object.entries({ action, ...more })) given.set(name, value);
  const done = await send(given);
  if (!done) return;
  complain();
  for (const tile of selected()) {
    if (action === "favourite" || action === "unfavourite") star(tile, action === "favourite");
  }
  remove(new Set(done.gone));
  closeMenus();
  selectAll(false);
  say(done.message);
  if (given.get("new_album")) location.reload(); // it is to be chosen from now on
}

/** Close what is open in the bar; return whether something was. */
function closeMenus() {
  const open = [...form.querySelectorAll("details[open]")];
  for (const menu of open) menu.open = false;
  return open.length > 0;
}

async function send(body) {
  try {
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body, headers: { Accept: "application/json" } });
    const told = await answer.json();
    if (answer.ok) return told;
    complain(answer.status === 401 ? "You are signed out. Reload the page and sign in." : `That did not work: ${told.error}.`);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    complain("The server did not answer. Check that you are online, then try again.");
  }
  return null;
}

function remove(gone) {
  const all = tiles();
  const going = all.filter((tile) => gone.has(tile.dataset.key));
  if (!going.length) return;
  const next = all.slice(all.indexOf(going[0])).find((tile) => !going.includes(tile)) ?? all.findLast((tile) => !going.includes(tile));
  for (const tile of going) tile.remove();
  if (next) next.querySelector("a").focus();
  else location.reload(); // what is there now, be it nothing
}

function star(tile, isOn) {
  tile.querySelector(".star")?.remove();
  if (!isOn) return;
  const made = document.createElement("span");
  made.className = "star";
  const text = document.createElement("span");
  text.className = "unseen";
  text.textContent = "Favourite";
  made.append(text);
  tile.querySelector("a").after(made);
}

async function copy(kind) {
  const found = selected().map((tile) => {
    const image = tile.querySelector("img, svg");
    const size = { width: image.getAttribute("width"), height: image.getAttribute("height") };
    return { url: tile.dataset.url, content_type: tile.dataset.type, thumbnail_url: tile.dataset.thumbnail, ...size };
  });
  const isCopied = await copyText(formText(kind, found));
  say(isCopied ? `Copied ${found.length}` : "The browser did not let us copy");
}

/** Look again for thumbnails that were still to be made, less and less often; the latest call alone goes on. */
async function freshen() {
  looking += 1;
  const mine = looking;
  for (const wait_s of WAITS_S) {
    if (!tiles().some((tile) => tile.matches("[data-due]"))) return;
    await new Promise((resolve) => { setTimeout(resolve, wait_s * 1000); });
    if (mine !== looking) return;
    await look(tiles().filter((tile) => tile.matches("[data-due]")).slice(0, MOST));
  }
}

async function look(waiting) {
  const query = new URLSearchParams(location.search);
  query.delete("cursor");
  for (const tile of waiting) query.append("key", tile.dataset.key);
  try {
    const answer = await fetch(`/tiles?${query}`);
    if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // offline: the next look may find more
  }
}

/** A thumbnail that did not come is asked for again, a few times. */
function onLost(event) {
  const tile = event.target.closest?.("li");
  const key = tile?.dataset.key;
  if (!key || (lost.get(key) ?? 0) >= RETRIES) return;
  lost.set(key, (lost.get(key) ?? 0) + 1);
  tile.dataset.due = "";
  freshen();
}

function replace(page) {
  const here = new Map(tiles().map((tile) => [tile.dataset.key, tile]));
  for (const fresh of page.querySelectorAll("li:not([data-due])")) {
    const stale = here.get(fresh.dataset.key);
    if (!stale) continue;
    const [isFocused, isSelected] = [focused() === stale, boxOf(stale).checked];
    stale.replaceWith(document.adoptNode(fresh));
    boxOf(fresh).checked = isSelected;
    if (isFocused) fresh.querySelector("a").focus();
    placeholders(fresh);
  }
}

function onKey(event) {
  const isTyping = event.target.matches("input:not([type=checkbox]), textarea, select") || $("ask").open;
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const here = focused();
  if (event.key === "/") $("q").focus();
  else if (event.key === "Escape") closeMenus() || selectAll(false);
  else if (event.key === "Delete") askToDelete();
  else if (event.key === " " && here && event.target.matches("a")) select(here, event.shiftKey || !boxOf(here).checked, event.shiftKey);
  else if (!(here || begins(event)) || !move(event.key)) return;
  event.preventDefault();
}

/** Whether a key begins to move among the images; up and down scroll, until one of them has the focus. */
function begins(event) {
  return SIDEWAYS.includes(event.key) && (event.target === document.body || event.target.id === "main");
}

form.addEventListener("submit", (event) => {
  const action = event.submitter?.value;
  if (action === "zip") return; // the browser downloads it
  event.preventDefault();
  if (action === "delete") askToDelete();
  else act(action);
});
document.addEventListener("keydown", onKey);
$("tiles").addEventListener("error", onLost, true);
$("tiles").addEventListener("selected", count);
$("sort").addEventListener("change", () => $("sort").form.requestSubmit());
for (const button of document.querySelectorAll("#copy button")) button.addEventListener("click", () => copy(button.dataset.form));
$("all")?.addEventListener("click", () => selectAll(true));
$("none")?.addEventListener("click", () => selectAll(false));
for (const id of ["all", "none", "copy"]) if ($(id)) $(id).hidden = false;
if (selected().length) count(); // the browser may remember them
placeholders($("tiles"));
endless((added) => {
  for (const tile of added) placeholders(tile);
  freshen();
});
freshen();
