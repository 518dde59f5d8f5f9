// One row of the list: what is seen of one upload.

const ACTS = ["copy", "retry", "cancel", "remove", "delete"];

/** The row of a file; `element` goes into the list, `name` is what the file is called. */
export class Row {
  /**
   * @param {File|{name: string, size: number}} file without its bytes where the worker has sent it
   * @param {{cancel: () => void, retry: () => void, copy: () => void, remove: () => void}} does what its buttons do
   */
  constructor(file, does) {
    this.element = document.getElementById("row").content.cloneNode(true).firstElementChild;
    this.name = file.name || "pasted image";
    this.size = file.address ? new URL(file.address).host : inWords(file.size);
    this.bar = this.element.querySelector("progress");
    this.bar.setAttribute("aria-label", `Progress of ${this.name}`);
    this.part("name").textContent = this.part("name").title = this.name;
    this.part("preview").dataset.kind = kindOf(file);
    for (const act of ACTS) {
      const button = this.part(act);
      if (does[act]) button.addEventListener("click", does[act]);
      button.setAttribute("aria-label", `${button.textContent.replace("…", "")} ${this.name}`);
    }
    this.preview(file);
  }

  wait() {
    this.show("", `${this.size} · waiting`, ["cancel"]);
    this.bar.value = 0;
  }

  /** Show that it stays on this device, and why. */
  keep(reason, { canRetry = true, signIn = null } = {}) {
    this.show("kept", `${this.size} · ${reason}`, canRetry ? ["retry", "remove"] : ["remove"]);
    if (signIn) this.askToSignIn(signIn);
  }

  progress(share) {
    this.bar.value = share;
    this.part("line").textContent = `${this.size} · ${share < 1 ? `${Math.floor(share * 100)} %` : "checking and storing"}`;
  }

  done(answer) {
    this.show("done", "", ["copy", "delete"]);
    this.part("line").append(link(answer.url, answer.url), ` · ${inWords(answer.size)}`);
    this.part("delete").href = answer.deletion_url;
  }

  /** Show why not; `signIn` is where to sign in, if that is what is missing. */
  refused(sentence, signIn) {
    this.show("refused", sentence, ["retry"]);
    if (signIn) this.askToSignIn(signIn);
  }

  askToSignIn(signIn) {
    this.part("line").append(" ", link(signIn, "Sign in"), " in another tab, then retry.");
  }

  copied(isCopied) {
    this.part("copy").textContent = isCopied ? "Copied" : "Ctrl+C";
    if (!isCopied) getSelection().selectAllChildren(this.element.querySelector(".line a"));
    setTimeout(() => { this.part("copy").textContent = "Copy"; }, 2000);
  }

  /** Let go of the picture; the row is about to leave the page. */
  forget() {
    URL.revokeObjectURL(this.address);
  }

  part(name) {
    return this.element.querySelector(`.${name}`);
  }

  show(state, text, acts) {
    const hadFocus = this.element.contains(document.activeElement);
    this.element.className = state;
    this.part("line").textContent = text;
    for (const act of ACTS) this.part(act).hidden = !acts.includes(act);
    if (hadFocus) this.part(acts[0])?.focus();
  }

  /** Show the picture once it is near the screen; what the browser cannot read keeps its kind as a text. */
  preview(file) {
    const picture = this.element.querySelector("img");
    if (!(file instanceof Blob)) return picture.remove();
    this.address = URL.createObjectURL(file);
    picture.addEventListener("load", () => { picture.className = "shown"; this.forget(); }, { once: true });
    picture.addEventListener("error", () => { picture.remove(); this.forget(); }, { once: true });
    picture.src = this.address;
  }
}

function link(address, text) {
  const made = document.createElement("a");
  made.href = address;
  made.textContent = text;
  made.target = "_blank";
  made.rel = "noopener";
  return made;
}

function kindOf(file) {
  const end = /\.([a-z0-9]{1,5})$/i.exec(file.name ?? "");
  return (end?.[1] ?? "image").toUpperCase();
}

function inWords(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let step = 0;
  for (; bytes >= 1024 && step < units.length - 1; step += 1) bytes /= 1024;
  return `${step ? bytes.toFixed(1) : bytes} ${units[step]}`;
}
