// A shared album: placeholders, and a list that goes on by itself.

import { placeholders } from "./blurhash.js";
import { endless } from "./scroll.js";

placeholders(document.getElementById("tiles"));
endless((added) => { for (const tile of added) placeholders(tile); });
