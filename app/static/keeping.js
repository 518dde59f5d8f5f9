// What the upload page keeps on this device: files that wait for a connection, for a sign-in, or for a click.

import { TAKEN, all, claim, news, put, remove, wake } from "./outbox.js";

const OFFLINE = "Waiting for a connection";
const FULL = "This device has no room left to keep the image. Retry when you are online.";
const FIRST_PAUSE_MS = 10_000; // doubled by each try that finds no connection
const LONGEST_PAUSE_MS = 300_000;
const LATER = [0, 401, 403, 408, 409, 429]; // these, and the server's own faults, may end differently next time
const SHARED = {
  nothing: "There was no image and no address in what was shared.",
  full: "This device has no room left for what was shared. Choose the images here instead.",
};

/** The page's side of the outbox; jobs in it have `isStored`, and are kept or asked while it is not their turn. */
export class Keeping {
  /**
   * @param {{jobs: Set<object>, add: Function, finish: Function, refuse: Function, discard: Function, retry: Function,
   *   update: Function, options: Function, objection: Function}} page what the upload page does
   */
  constructor(page) {
    this.page = page;
    this.pause = FIRST_PAUSE_MS;
    news?.addEventListener("message", ({ data }) => this.hear(data));
    addEventListener("online", () => this.flush());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.flush(); });
  }

  /** Show what was kept earlier or shared meanwhile, and send what may go. */
  async restore() {
    for (const record of await all()) this.show(record);
    this.page.update();
    const address = new URL(location);
    const reason = SHARED[address.searchParams.get("shared")];
    if (!reason) return this.flush();
    address.searchParams.delete("shared");
    history.replaceState(null, "", address);
    document.getElementById("notice").textContent = reason;
    document.getElementById("notice").hidden = false;
  }

  /** Put a job into the outbox until there is a connection. */
  async keep(job, reason = OFFLINE, signIn = null) {
    job.state = "storing";
    job.options ??= this.page.options();
    const problem = job.isStored ? null : await this.store(job);
    if (problem) {
      this.page.refuse(job, new Error(problem));
      return this.page.update();
    }
    if (job.state !== "storing") return remove(job.key); // cancelled meanwhile
    job.isStored = true;
    job.state = "kept";
    job.row.keep(reason, { signIn });
    navigator.storage?.persist?.();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
    this.page.update();
    await wake();
  }

  /** Keep a job that failed, if it may still be sent: of new ones those that found no connection. Returns whether. */
  async keepAfter(job, { status, message }) {
    if (!(status >= 500 || LATER.includes(status)) || (status && !job.isStored)) return false;
    await this.keep(job, status ? message : OFFLINE, status === 401 ? "/login" : null);
    return true;
  }

  /** Do `transmit`, of a job in the outbox only where nobody else does; else it stays kept and TAKEN comes back. */
  async send(job, transmit) {
    if (!job.isStored) return transmit();
    const answer = await claim(job.key, async () => {
      const received = await transmit();
      await remove(job.key);
      news?.postMessage({ key: job.key, answer: received });
      return received;
    });
    if (answer === TAKEN && job.state === "running") {
      job.state = "kept";
      job.row.keep("being sent by another window");
    }
    this.pause = FIRST_PAUSE_MS;
    return answer;
  }

  /** Send what another app shared, with the options of the page. */
  async agree() {
    const asked = this.in("asked");
    for (const job of asked) {
      job.options = this.page.options();
      job.state = "kept";
      job.row.keep(OFFLINE);
      await this.store(job); // without room for that it is sent all the same, as long as the page is open
    }
    await this.flush();
    await wake();
  }

  /** Try again what waits for a connection. */
  async flush() {
    const kept = this.in("kept");
    if (kept.length && navigator.onLine) await this.page.retry(kept);
  }

  /** Remove a job from the device and the page, unless somebody is sending it. */
  async drop(job) {
    if ((await claim(job.key, () => remove(job.key))) === TAKEN) return job.row.keep("being sent by another window");
    news?.postMessage({ key: job.key });
    this.page.discard(job);
    this.page.update();
  }

  /** Take a job out of the outbox; it stays on the page. */
  async release(job) {
    if (!job.isStored) return;
    job.isStored = false;
    await remove(job.key);
  }

  /** Write a job down; returns the reason if that cannot be done, else null. */
  async store({ key, file, options }) {
    try {
      await put({ key, file, options });
      return null;
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      return error.name === "QuotaExceededError" ? FULL : error.message;
    }
  }

  show({ key, file, name, size, options, isAsked, answer, problem }) {
    const job = this.page.add(file ?? { name, size }, key);
    const objection = answer ? null : (problem ?? this.page.objection(file));
    job.isStored = true;
    if (answer) this.end(job, answer);
    else if (objection) this.page.refuse(job, new Error(objection));
    else if (isAsked) {
      job.state = "asked";
      job.row.keep("shared with this app", { canRetry: false });
    } else {
      job.state = "kept";
      job.row.keep(OFFLINE);
    }
    if (!isAsked) job.options = options;
  }

  /** What another tab or the worker did. */
  hear({ key, answer }) {
    const job = [...this.page.jobs].find((one) => one.key === key && one.state !== "done");
    if (!job) return;
    if (answer) this.end(job, answer);
    else this.page.discard(job);
    this.page.update();
  }

  end(job, answer) {
    this.page.finish(job, answer);
    this.release(job);
  }

  in(state) {
    return [...this.page.jobs].filter((job) => job.state === state);
  }
}
