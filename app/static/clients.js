// The page of clients: a file's text, with a token of its own, goes onto the clipboard as well.

import { copyText } from "./copy.js";

/** Put a button behind `place` that copies what `read` returns, and says whether it did. */
function addButton(place, name, read) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = name;
  button.addEventListener("click", async () => {
    button.disabled = true;
    const text = await read();
    button.disabled = false;
    const isCopied = text !== null && await copyText(text);
    button.textContent = isCopied ? "Copied" : "Not copied";
    document.getElementById("status").textContent = button.textContent;
  });
  place(button);
}

async function fileOf(form) {
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    return answer.ok ? await answer.text() : null;
  } catch (error) {
    if (error instanceof TypeError) return null; // the network
    throw error;
  }
}

for (const form of document.querySelectorAll("form[data-copy]")) {
  addButton((button) => form.append(button), "Copy its text", () => fileOf(form));
}
for (const shown of document.querySelectorAll("pre[data-copy]")) {
  addButton((button) => shown.after(button), "Copy", () => shown.textContent.trim());
}
