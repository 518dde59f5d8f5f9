// The upload page: takes images that are dropped, pasted or chosen, and sends three at a time.

import { copyText, formText } from "./copy.js";
import { send } from "./send.js";

const MOST_AT_ONCE = 3;

const $ = (id) => document.getElementById(id);
const list = $("list");
const waiting = [];
const done = [];
let running = 0;

/** Add files to the queue, each with a row of its own. */
function take(files) {
  const rows = document.createDocumentFragment();
  for (const file of files) rows.append(newRow(file));
  list.append(rows);
  $("results").hidden = !list.children.length;
  startMore();
}

function newRow(file) {
  const row = $("row").content.cloneNode(true).firstElementChild;
  const part = (name) => row.querySelector(`.${name}`);
  const job = { file, row, part, bar: row.querySelector("progress"), cancel: null, result: null };
  part("name").textContent = file.name || "pasted image";
  part("size").textContent = inWords(file.size);
  part("line").textContent = "waiting";
  const picture = row.querySelector("img");
  const address = URL.createObjectURL(file);
  const forget = () => URL.revokeObjectURL(address);
  picture.addEventListener("load", forget, { once: true });
  picture.addEventListener("error", () => { forget(); picture.remove(); }, { once: true });
  picture.loading = "lazy";
  picture.src = address;
  part("cancel").addEventListener("click", () => stop(job));
  part("retry").addEventListener("click", () => queue(job));
  part("copy").addEventListener("click", () => copy(job));
  queue(job, false);
  return row;
}

function queue(job, atOnce = true) {
  job.row.className = "";
  show(job, { cancel: true });
  job.bar.value = 0;
  say(job, "waiting");
  waiting.push(job);
  if (atOnce) startMore();
}

function startMore() {
  while (running < MOST_AT_ONCE && waiting.length) start(waiting.shift());
}

async function start(job) {
  running += 1;
  say(job, "uploading");
  const options = { expires: $("expires").value, keep_metadata: $("keep-metadata").checked ? "1" : "" };
  const sending = send(job.file, options, (part) => {
    job.bar.value = part;
    if (part === 1) say(job, "storing");
  });
  job.cancel = sending.cancel;
  try {
    succeed(job, await sending.answer);
  } catch (error) {
    refuse(job, error);
  } finally {
    running -= 1;
    job.cancel = null;
    startMore();
  }
}

function succeed(job, result) {
  job.result = result;
  done.push(job);
  job.row.className = "done";
  const link = document.createElement("a");
  link.href = link.textContent = result.url;
  link.target = "_blank";
  link.rel = "noopener";
  job.part("line").replaceChildren(link);
  job.part("delete").href = result.deletion_url;
  show(job, { copy: true, delete: true });
  $("copy-all").disabled = false;
  announce(`${job.part("name").textContent} is at ${result.url}`);
}

function refuse(job, error) {
  job.row.className = "refused";
  say(job, error.message);
  if (error.status === 401) {
    const link = document.createElement("a");
    link.href = "/login";
    link.textContent = "Sign in again";
    job.part("line").append(" ", link);
  }
  show(job, { retry: true });
  announce(`${job.part("name").textContent}: ${error.message}`);
}

function stop(job) {
  const place = waiting.indexOf(job);
  if (place >= 0) waiting.splice(place, 1);
  if (job.cancel) job.cancel();
  else refuse(job, new Error("cancelled"));
}

async function copy(job) {
  const button = job.part("copy");
  await copyText(formText($("form").value, [job.result]));
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
  announce("copied");
}

function show(job, shown) {
  for (const name of ["copy", "retry", "cancel", "delete"]) job.part(name).hidden = !shown[name];
}

function say(job, text) {
  job.part("line").textContent = text;
}

function announce(text) {
  $("status").textContent = text;
}

function inWords(size) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let step = 0;
  while (size >= 1024 && step < units.length - 1) { size /= 1024; step += 1; }
  return `${step ? size.toFixed(1) : size} ${units[step]}`;
}

const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dragging");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.classList.remove("dragging");
  take(event.dataTransfer.files);
});
addEventListener("paste", (event) => {
  if (!event.clipboardData?.files.length) return;
  event.preventDefault();
  take(event.clipboardData.files);
});
$("choose").addEventListener("change", (event) => {
  take(event.target.files);
  event.target.value = "";
});
$("copy-all").addEventListener("click", async () => {
  await copyText(formText($("form").value, done.map((job) => job.result)));
  announce(`copied ${done.length}`);
});
$("clear").addEventListener("click", () => {
  for (const job of done.splice(0)) job.row.remove();
  $("copy-all").disabled = true;
  $("results").hidden = !list.children.length;
});
$("form").value = localStorage.getItem("form") ?? "link";
$("form").addEventListener("change", () => localStorage.setItem("form", $("form").value));
addEventListener("beforeunload", (event) => {
  if (running || waiting.length) event.preventDefault();
});
