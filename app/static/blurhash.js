// BlurHash: a blurred placeholder out of some 30 characters.
// Source: https://github.com/woltapp/blurhash/blob/master/Algorithm.md

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
const SIDE = 16; // pixels of a placeholder, which is stretched: there are four waves a side at most

/**
 * Return the pixels of a hash.
 * @returns {Uint8ClampedArray | null} RGBA, row by row; null for a text that is no BlurHash
 */
export function decode(hash, width, height) {
  const digits = [...hash].map((one) => DIGITS.indexOf(one));
  const across = (digits[0] % 9) + 1;
  const down = Math.floor(digits[0] / 9) + 1;
  if (digits.length !== 4 + 2 * across * down || digits.includes(-1)) return null;
  const number = (from, to) => digits.slice(from, to).reduce((sum, digit) => sum * 83 + digit, 0);
  const most = (digits[1] + 1) / 166;
  const average = number(2, 6);
  const waves = [[average >> 16, (average >> 8) & 255, average & 255].map(toLinear)];
  for (let at = 6; at < digits.length; at += 2) {
    const value = number(at, at + 2);
    waves.push([Math.floor(value / 361), Math.floor(value / 19) % 19, value % 19].map((one) => signedSquare((one - 9) / 9) * most));
  }
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const sum = [0, 0, 0];
      waves.forEach((wave, index) => {
        const share = Math.cos((Math.PI * x * (index % across)) / width) * Math.cos((Math.PI * y * Math.floor(index / across)) / height);
        for (let channel = 0; channel < 3; channel += 1) sum[channel] += wave[channel] * share;
      });
      pixels.set([...sum.map(toSrgb), 255], 4 * (y * width + x));
    }
  }
  return pixels;
}

/** Put the blurred placeholder over each image in `root` that has one and is still to come. */
export function placeholders(root) {
  for (const image of root.querySelectorAll("img[data-hash]")) {
    const pixels = image.complete && image.naturalWidth ? null : decode(image.dataset.hash, SIDE, SIDE);
    if (!pixels) continue;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    canvas.setAttribute("aria-hidden", "true");
    canvas.getContext("2d").putImageData(new ImageData(pixels, SIDE, SIDE), 0, 0);
    image.after(canvas);
    image.addEventListener("load", () => canvas.remove(), { once: true });
  }
}

const signedSquare = (value) => Math.sign(value) * value * value;

function toLinear(value) {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

function toSrgb(value) {
  const share = Math.min(Math.max(value, 0), 1);
  return Math.round(255 * (share <= 0.0031308 ? share * 12.92 : 1.055 * share ** (1 / 2.4) - 0.055));
}
