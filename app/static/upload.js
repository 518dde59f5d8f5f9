// The upload page: takes images that are dropped, pasted, chosen or shared, and sends three at a time.

import { fileAt } from "./address.js";
import { copyText, formText } from "./copy.js";
import { Keeping } from "./keeping.js";
import { TAKEN, canKeep, newKey } from "./outbox.js";
import { Row } from "./row.js";
import { renew, send } from "./send.js";

const MOST_AT_ONCE = 3;
const $ = (id) => document.getElementById(id);
const MAX_BYTES = Number($("drop").dataset.maxBytes);
const jobs = new Set(); // one for each row; its state is waiting, running, done or refused, or one of keeping.js
const found = document.querySelectorAll(".more > *");
let collected = 0;

/** Add files to the queue, each with a row of its own; names in `folders` are refused. */
function take(files, folders = new Set()) {
  const rows = document.createDocumentFragment();
  for (const file of files) {
    const job = add(file, newKey(), rows);
    const objection = folders.has(file.name) ? "This is a folder. Open it and drop the images in it." : tooLarge(file);
    if (objection) refuse(job, new Error(objection));
    else if (keeping && !navigator.onLine) keeping.keep(job);
    else job.row.wait();
  }
  $("list").append(rows);
  announce(files.length === 1 ? "1 image added" : `${files.length} images added`);
  update();
}

/** Add a file with its row; `key` is its Idempotency-Key at every try. */
function add(file, key, list = $("list")) {
  const job = { file, key, state: "waiting", options: null, sending: null, answer: null, isStored: false };
  const does = { cancel: () => cancel(job), retry: () => retry([job]), copy: () => copy(job) };
  job.row = new Row(file, { ...does, remove: () => keeping.drop(job) });
  jobs.add(job);
  list.append(job.row.element);
  return job;
}

function tooLarge({ size }) {
  if (size <= MAX_BYTES) return null;
  return `The image has ${size.toLocaleString("en")} bytes; at most ${MAX_BYTES.toLocaleString("en")} are taken.`;
}

/** Bring the page in line with the jobs, and start as many as may run. */
function update() {
  const are = (state) => [...jobs].filter((job) => job.state === state);
  const [waiting, running, done, refused, asked] = ["waiting", "running", "done", "refused", "asked"].map(are);
  const kept = jobs.size - waiting.length - running.length - done.length - refused.length - asked.length;
  const room = MOST_AT_ONCE - running.length;
  for (const job of waiting.slice(0, Math.max(room, 0))) start(job);
  const failed = refused.length ? `, ${refused.length} failed` : "";
  const later = kept ? `, ${kept} waiting for a connection` : "";
  const summary = `${done.length} of ${jobs.size} uploaded${later}${failed}`;
  $("summary").textContent = summary;
  $("results").hidden = !jobs.size;
  document.body.classList.toggle("busy", jobs.size > 0);
  $("copy-all").disabled = !done.length;
  $("clear").disabled = !done.length && !refused.length;
  $("retry-all").hidden = refused.length < 2;
  $("agree").hidden = !asked.length;
  $("agree").textContent = `Upload ${asked.length} shared`;
  if (jobs.size && !waiting.length && !running.length) announce(summary);
}

async function start(job) {
  job.state = "running";
  job.row.progress(0);
  job.options ??= chosen();
  job.isCancelled = false;
  job.sending = null;
  try {
    const answer = await (keeping ? keeping.send(job, () => transmit(job)) : transmit(job));
    if (answer !== TAKEN) finish(job, answer);
  } catch (error) {
    if (job.isCancelled || !(await keeping?.keepAfter(job, error))) {
      await keeping?.release(job);
      refuse(job, error);
    }
  }
  update();
}

async function transmit(job) {
  if (!document.querySelector("meta[name=csrf-token]").content) await renew(); // the page was opened without a connection
  if (job.isCancelled) throw new Error("Cancelled.");
  job.sending = send(job.file, job.options, (share) => job.row.progress(share), job.key);
  return job.sending.answer;
}

/** The options as they stand on the page. */
const chosen = () => ({ expires: $("expires").value, keep_metadata: $("keep-metadata").checked ? "1" : "" });

function finish(job, answer) {
  job.answer = answer;
  job.state = "done";
  job.row.done(answer);
  found[collected++]?.classList.add("lit");
}

function refuse(job, error) {
  job.state = "refused";
  job.status = error.status;
  if (error.status) job.options = null; // the server has nothing of it: a retry may ask for something else
  job.row.refused(error.message, error.status === 401 ? "/login" : null);
  announce(`${job.row.name}: ${error.message}`);
}

function cancel(job) {
  if (job.state === "running") {
    job.isCancelled = true;
    return job.sending?.cancel();
  }
  keeping?.release(job);
  refuse(job, new Error("Cancelled."));
  update();
}

async function retry(again) {
  if (again.some((job) => job.isStored || job.status === 401 || job.status === 403)) await renew();
  for (const job of again.filter((one) => one.state === "refused" || one.state === "kept")) {
    job.state = "waiting";
    job.row.wait();
  }
  update();
}

async function copy(job) {
  const isCopied = await copyText(formText(form(), [job.answer]));
  job.row.copied(isCopied);
  announce(isCopied ? "Copied" : "The browser did not let us copy: press Ctrl+C");
}

async function copyAll() {
  const answers = [...jobs].filter((job) => job.state === "done").map((job) => job.answer);
  const isCopied = await copyText(formText(form(), answers));
  $("copy-all").textContent = isCopied ? `Copied ${answers.length}` : "Not allowed";
  setTimeout(() => { $("copy-all").textContent = "Copy all"; }, 2000);
  announce(isCopied ? `Copied ${answers.length}` : "The browser did not let us copy");
}

function clear() {
  for (const job of jobs) {
    if (job.state !== "done" && job.state !== "refused") continue;
    keeping?.release(job);
    discard(job);
  }
  update();
  $("choose").focus();
}

function discard(job) {
  job.row.forget();
  job.row.element.remove();
  jobs.delete(job);
}

function announce(text) {
  $("status").textContent = text;
}

const form = () => document.querySelector("input[name=form]:checked").value;
const FORM = "bowerbird.form";

/** Read or write what this browser remembers; one that forbids it remembers nothing. */
function remembered(value) {
  try {
    if (value) localStorage.setItem(FORM, value);
    return localStorage.getItem(FORM);
  } catch (error) {
    if (error.name !== "SecurityError") throw error;
    return null;
  }
}

const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

function drop(event) {
  document.body.classList.remove("dragging");
  if (!carriesFiles(event)) return;
  event.preventDefault();
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.());
  const folders = entries.filter((entry) => entry?.isDirectory).map((entry) => entry.name);
  if (event.dataTransfer.files.length) take(event.dataTransfer.files, new Set(folders));
}

function listen() {
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dragging");
  });
  addEventListener("drop", drop);
  addEventListener("paste", (event) => {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    take(event.clipboardData.files);
  });
  $("choose").addEventListener("change", (event) => {
    take([...event.target.files]);
    event.target.value = "";
  });
  $("from-address")?.addEventListener("submit", (event) => {
    event.preventDefault();
    take([fileAt($("url").value)]);
    $("url").value = "";
  });
  addEventListener("beforeunload", (event) => {
    if ([...jobs].some((job) => !job.isStored && ["waiting", "running", "storing"].includes(job.state))) event.preventDefault();
  });
}

const page = { jobs, add, finish, refuse, discard, retry, update, options: chosen, objection: tooLarge };
const keeping = canKeep() ? new Keeping(page) : null;
keeping?.restore();
$("agree").addEventListener("click", () => keeping.agree());
$("copy-all").addEventListener("click", copyAll);
$("retry-all").addEventListener("click", () => retry([...jobs]));
$("clear").addEventListener("click", clear);
for (const radio of document.querySelectorAll("input[name=form]")) {
  radio.checked = radio.value === (remembered() ?? "link");
  radio.addEventListener("change", () => remembered(radio.value));
}
listen();
