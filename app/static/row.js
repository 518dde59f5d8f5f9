// One row of the list: what is seen of one upload.

/**
 * Make the row of a file.
 * @param {File} file
 * @param {{cancel: () => void, retry: () => void, copy: () => void}} does what its buttons do
 */
export function newRow(file, does) {
  const element = document.getElementById("row").content.cloneNode(true).firstElementChild;
  const part = (name) => element.querySelector(`.${name}`);
  const bar = element.querySelector("progress");
  const name = file.name || "pasted image";
  const size = inWords(file.size);
  part("name").textContent = part("name").title = name;
  part("preview").dataset.kind = kindOf(file);
  const forget = preview(file, element.querySelector("img"));
  for (const act of ["cancel", "retry", "copy"]) {
    part(act).addEventListener("click", does[act]);
    part(act).setAttribute("aria-label", `${part(act).textContent} ${name}`);
  }
  bar.setAttribute("aria-label", `Progress of ${name}`);

  function show(state, text, acts) {
    const hadFocus = element.contains(document.activeElement);
    element.className = state;
    part("line").textContent = text;
    for (const act of ["copy", "retry", "cancel", "delete"]) part(act).hidden = !acts.includes(act);
    if (hadFocus) part(acts[0]).focus();
  }

  return {
    element,
    name,
    forget,
    wait() {
      show("", `${size} · waiting`, ["cancel"]);
      bar.value = 0;
    },
    progress(share) {
      bar.value = share;
      part("line").textContent = share < 1 ? `${size} · ${Math.floor(share * 100)} %` : `${size} · checking and storing`;
    },
    done(answer) {
      show("done", "", ["copy", "delete"]);
      part("line").append(link(answer.url, answer.url), ` · ${inWords(answer.size)}`);
      part("delete").href = answer.deletion_url;
      part("delete").setAttribute("aria-label", `Delete ${name}`);
    },
    refused(sentence, address) {
      show("refused", sentence, ["retry"]);
      if (address) part("line").append(" ", link(address, "Sign in"), " in another tab, then retry.");
    },
    copied(isCopied) {
      part("copy").textContent = isCopied ? "Copied" : "Ctrl+C";
      if (!isCopied) getSelection().selectAllChildren(element.querySelector(".line a"));
      setTimeout(() => { part("copy").textContent = "Copy"; }, 2000);
    },
  };
}

function preview(file, picture) {
  const address = URL.createObjectURL(file);
  const forget = () => URL.revokeObjectURL(address);
  picture.addEventListener("load", () => { picture.className = "shown"; forget(); }, { once: true });
  picture.addEventListener("error", () => { picture.remove(); forget(); }, { once: true });
  picture.src = address;
  return forget;
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
