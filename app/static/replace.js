// Another image in the place of one: its address stays.

const form = document.getElementById("replace");
const field = form.querySelector("input[type=file]");
const button = form.querySelector("button");

function say(text, isProblem = false) {
  const line = form.querySelector("[role=status]");
  line.textContent = text;
  line.classList.toggle("problem", isProblem);
}

async function replace(file) {
  button.disabled = true;
  say("Replacing…");
  try {
    const headers = {
      Accept: "application/json",
      "Content-Type": file.type || "application/octet-stream",
      "X-CSRF-Token": document.querySelector("meta[name=csrf-token]").content,
    };
    const answer = await fetch(form.dataset.api, { method: "PUT", body: file, headers });
    const told = await answer.json();
    if (!answer.ok) return say(`That did not work: ${told.error}.`, true);
    await renew(told.url);
    location.reload();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    say("The server did not answer. Check that you are online, then try again.", true);
  } finally {
    button.disabled = false;
  }
}

/** Let this browser forget the image that was there, where our pages may ask for it. */
async function renew(url) {
  if (new URL(url).origin === location.origin) await fetch(url, { cache: "reload" });
}

form.hidden = false;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (field.files.length) replace(field.files[0]);
});
