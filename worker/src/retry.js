/** When B2 is asked again: what it answers now and then by design, and how long to wait. */

const FIRST_PAUSE_MS = 200;

// 52x and 530 are Cloudflare's own, when B2 does not answer it.
export const TRANSIENT = new Set([408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530]);

/**
 * Wait before the next attempt, longer each time.
 * @param {number} attempts how many there were
 * @param {number} waitS what B2 asked for
 */
export function pause(attempts, waitS = 0) {
  const pauseMs = FIRST_PAUSE_MS * 2 ** (attempts - 1) * (0.75 + Math.random() / 2);
  return new Promise((resolve) => setTimeout(resolve, Math.max(1000 * waitS, pauseMs)));
}
