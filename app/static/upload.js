// The upload page: takes images that are dropped, pasted or chosen, and sends three at a time.

import { fileAt } from "./address.js";
import { copyText, formText } from "./copy.js";
import { Row } from "./row.js";
import { renew, send } from "./send.js";

const MOST_AT_ONCE = 3;
const $ = (id) => document.getElementById(id);
const MAX_BYTES = Number($("drop").dataset.maxBytes);
const jobs = new Set(); // one for each row; its state is waiting, running, done or refused
const found = document.querySelectorAll(".more > *");
let collected = 0;

/** Add files to the queue, each with a row of its own; names in `folders` are refused. */
function take(files, folders = new Set()) {
  const rows = document.createDocumentFragment();
  for (const file of files) {
    const job = { file, state: "waiting", sending: null, answer: null };
    job.row = new Row(file, { cancel: () => cancel(job), retry: () => retry([job]), copy: () => copy(job) });
    jobs.add(job);
    rows.append(job.row.element);
    if (folders.has(file.name)) refuse(job, new Error("This is a folder. Open it and drop the images in it."));
    else if (file.size > MAX_BYTES) refuse(job, new Error(tooLarge(file.size)));
    else job.row.wait();
  }
  $("list").append(rows);
  announce(files.length === 1 ? "1 image added" : `${files.length} images added`);
  update();
}

const tooLarge = (size) => `The image has ${size.toLocaleString("en")} bytes; at most ${MAX_BYTES.toLocaleString("en")} are taken.`;

/** Bring the page in line with the jobs, and start as many as may run. */
function update() {
  const are = (state) => [...jobs].filter((job) => job.state === state);
  const [waiting, running, done, refused] = ["waiting", "running", "done", "refused"].map(are);
  const room = MOST_AT_ONCE - running.length;
  for (const job of waiting.slice(0, Math.max(room, 0))) start(job);
  const failed = refused.length ? `, ${refused.length} failed` : "";
  const summary = `${done.length} of ${jobs.size} uploaded${failed}`;
  $("summary").textContent = summary;
  $("results").hidden = !jobs.size;
  document.body.classList.toggle("busy", jobs.size > 0);
  $("copy-all").disabled = !done.length;
  $("clear").disabled = !done.length && !refused.length;
  $("retry-all").hidden = refused.length < 2;
  if (jobs.size && !waiting.length && !running.length) announce(summary);
}

async function start(job) {
  job.state = "running";
  job.row.progress(0);
  const options = { expires: $("expires").value, keep_metadata: $("keep-metadata").checked ? "1" : "" };
  job.sending = send(job.file, options, (share) => job.row.progress(share));
  try {
    job.answer = await job.sending.answer;
    job.state = "done";
    job.row.done(job.answer);
    found[collected++]?.classList.add("lit");
  } catch (error) {
    refuse(job, error);
  }
  update();
}

function refuse(job, error) {
  job.state = "refused";
  job.status = error.status;
  job.row.refused(error.message, error.status === 401 ? "/login" : null);
  announce(`${job.row.name}: ${error.message}`);
}

function cancel(job) {
  if (job.state === "running") return job.sending.cancel();
  refuse(job, new Error("Cancelled."));
  update();
}

async function retry(again) {
  if (again.some((job) => job.status === 401 || job.status === 403)) await renew();
  for (const job of again.filter((one) => one.state === "refused")) {
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
    job.row.forget();
    job.row.element.remove();
    jobs.delete(job);
  }
  $("choose").focus();
  update();
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
    if ([...jobs].some((job) => job.state === "waiting" || job.state === "running")) event.preventDefault();
  });
}

$("copy-all").addEventListener("click", copyAll);
$("retry-all").addEventListener("click", () => retry([...jobs]));
$("clear").addEventListener("click", clear);
for (const radio of document.querySelectorAll("input[name=form]")) {
  radio.checked = radio.value === (remembered() ?? "link");
  radio.addEventListener("change", () => remembered(radio.value));
}
listen();
