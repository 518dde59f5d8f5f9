// What is copied from a field beside: the links of one image, the addresses of albums. Arrow keys lead on.

import { copyText } from "./copy.js";
import "./done.js";

async function copy(button) {
  const field = document.getElementById(button.dataset.for);
  const isCopied = await copyText(field.value);
  if (!isCopied) field.select();
  button.textContent = isCopied ? "Copied" : "Ctrl+C";
  document.getElementById("status").textContent = isCopied ? "Copied" : "The browser did not let us copy: press Ctrl+C";
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (rel) document.querySelector(`.chips [rel=${rel}]`)?.click();
});
