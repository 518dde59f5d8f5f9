// Which images are selected, by mouse, touch and keyboard.

const list = document.getElementById("tiles");
let last = null; // the tile that a range begins at

export const tiles = () => [...list.children];
export const boxOf = (tile) => tile.querySelector("input[name=key]");
export const selected = () => tiles().filter((tile) => boxOf(tile).checked);
/** Return the tile that has the focus, or undefined. */
export const focused = () => document.activeElement?.closest("#tiles > li") ?? undefined;

/** Select a tile or not; with `isRange` all from the last one to it. */
export function select(tile, isOn, isRange = false) {
  const all = tiles();
  const from = isRange && last?.isConnected ? all.indexOf(last) : all.indexOf(tile);
  const [first, end] = [from, all.indexOf(tile)].sort((a, b) => a - b);
  for (const one of all.slice(first, end + 1)) boxOf(one).checked = isOn;
  last = tile;
  told();
}

/** Select every tile, or none. */
export function selectAll(isOn) {
  for (const tile of tiles()) boxOf(tile).checked = isOn;
  told();
}

/** Move the focus from tile to tile as an arrow key says; return whether it was one. */
export function move(key) {
  const all = tiles();
  const here = focused();
  if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(key) || !all.length) return false;
  const at = all.indexOf(here);
  let target = { Home: all[0], End: all.at(-1), ArrowLeft: all[at - 1], ArrowRight: all[at + 1] }[key];
  if (!here) target = all[0];
  else if (key === "ArrowUp" || key === "ArrowDown") target = inNextRow(all, here, key === "ArrowDown");
  target?.querySelector("a").focus();
  return true;
}

/** Return the tile above or below that is nearest to the middle of this one. */
function inNextRow(all, here, isDown) {
  const box = here.getBoundingClientRect();
  const middle = (one) => (one.left + one.right) / 2;
  const boxes = all.map((tile) => [tile, tile.getBoundingClientRect()]);
  const beyond = boxes.filter(([, one]) => (isDown ? one.top > box.top + 1 : one.top < box.top - 1));
  if (!beyond.length) return undefined;
  const row = isDown ? Math.min(...beyond.map(([, one]) => one.top)) : Math.max(...beyond.map(([, one]) => one.top));
  const inRow = beyond.filter(([, one]) => Math.abs(one.top - row) < 2);
  return inRow.sort(([, a], [, b]) => Math.abs(middle(a) - middle(box)) - Math.abs(middle(b) - middle(box)))[0][0];
}

function told() {
  list.dispatchEvent(new Event("selected", { bubbles: true }));
}

list.addEventListener("click", (event) => {
  const tile = event.target.closest("li");
  if (!tile) return;
  if (event.target.name === "key") return select(tile, event.target.checked, event.shiftKey);
  // Once something is selected, a click on an image selects it too; Enter (detail 0) goes on opening it.
  const isPlain = event.detail > 0 && !event.ctrlKey && !event.metaKey && event.target.closest("a");
  if (!isPlain || (!event.shiftKey && !selected().length)) return;
  event.preventDefault();
  select(tile, event.shiftKey || !boxOf(tile).checked, event.shiftKey);
});
