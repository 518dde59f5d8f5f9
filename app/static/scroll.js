// The endless list: the next page is fetched when its link comes near, and its images stand behind those that are there.

const NEAR = "1200px";

/**
 * Let the list `#tiles` go on by itself where there is a link to the next page.
 * @param {(added: Element[]) => void} onAdded is given each page's images
 */
export function endless(onAdded) {
  const list = document.getElementById("tiles");
  const marks = [{ address: location.href, first: null }]; // where each page begins
  let link = document.querySelector(".more [rel=next]");
  if (!link) return;
  let isBusy = false;

  async function load() {
    if (isBusy || !link) return;
    isBusy = true;
    const address = link.href;
    try {
      const page = await fetchPage(address);
      const here = new Set([...list.children].map((one) => one.dataset.key));
      const added = [...page.querySelectorAll("#tiles > li")].filter((one) => !here.has(one.dataset.key));
      const next = page.querySelector(".more [rel=next]");
      list.append(...added.map((one) => document.adoptNode(one)));
      if (added.length) marks.push({ address, first: added[0] });
      if (next && added.length) link.href = next.href;
      else leave();
      say(`${added.length} more images, ${list.children.length} in all${link ? "" : ": these are all"}`);
      onAdded(added);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      say("The next images could not be loaded. Press More to try again.");
      near.disconnect(); // the link itself goes there
      return;
    } finally {
      isBusy = false;
    }
    if (link) {
      near.unobserve(link); // it may be near still, which is told only of what was not looked at before
      near.observe(link);
    }
  }

  function leave() {
    near.disconnect();
    link.parentElement.remove();
    link = null;
  }

  const near = new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) load(); }, { rootMargin: NEAR });
  near.observe(link);
  addEventListener("scroll", () => follow(marks), { passive: true });
}

/** Keep the address that of the page that is seen: reloading, or coming back, leads there. */
function follow(marks) {
  const middle = innerHeight / 2;
  const above = marks.findLast(({ first }) => !first || (first.isConnected && first.getBoundingClientRect().top < middle));
  if (above.address !== location.href) history.replaceState(history.state, "", above.address);
}

async function fetchPage(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok || !page.getElementById("tiles")) throw new TypeError("no list"); // such as the sign-in page
  return page;
}

function say(text) {
  document.getElementById("loaded").textContent = text;
}
