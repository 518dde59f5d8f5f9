// The outbox: what waits on this device to be sent, in IndexedDB, each file taken by one tab or the worker at a time.

const DATABASE = "bowerbird";
const STORE = "outbox";

/** The name of the background sync that empties the outbox. */
export const SYNC = "outbox";

/** What is larger goes in a way that survives a lost line, which only a page knows. */
export const LARGE_BYTES = 8 * 1024 * 1024;

/** What `claim` returns where another tab or the worker has the file, or it is gone. */
export const TAKEN = Symbol("taken");

/** Tells the other tabs: `{key, answer}` for a file that was sent, `{key}` alone for one that was removed. */
export const news = "BroadcastChannel" in globalThis ? new BroadcastChannel(DATABASE) : null;

/**
 * Whether this page may keep files: not over plain http, nor in every private window.
 * @returns {boolean}
 */
export const canKeep = () => ["serviceWorker", "locks"].every((name) => name in navigator) && "indexedDB" in globalThis;

let count = 0;

/**
 * The name of a file in the outbox and its Idempotency-Key at every try; later ones sort after earlier ones.
 * @returns {string}
 */
export function newKey() {
  const random = crypto.getRandomValues(new Uint32Array(4)).join("-");
  return [Date.now().toString(36), String(count++).padStart(6, "0"), random].join("-");
}

/**
 * Keep one file until it is sent; rejects with a DOMException, QuotaExceededError where the device has no room.
 * @param {{key: string, file: ?File, options: Record<string, string>, isAsked?: boolean, problem?: string, answer?: object,
 *   name?: string, size?: number}} record `isAsked`: it waits for a click, not for a connection. `problem`: the server's
 *   own sentence of refusal. `answer`: it was sent by the worker, its file is gone, `name` and `size` are what it had
 */
export const put = (record) => within("readwrite", (store) => store.put(record));

/** All records, the earliest first. */
export const all = () => within("readonly", (store) => store.getAll());

/** How many files wait here. */
export const waiting = async () => (await all()).filter((record) => record.file).length;

export const remove = (key) => within("readwrite", (store) => store.delete(key));

export const clear = () => within("readwrite", (store) => store.clear());

/**
 * Do `work` with a record that nobody else works on; TAKEN where somebody does, or it waits no longer.
 * @param {string} key
 * @param {(record: object) => Promise<*>} work
 */
export function claim(key, work) {
  return navigator.locks.request(`${DATABASE} ${key}`, { ifAvailable: true }, async (lock) => {
    const record = lock && (await within("readonly", (store) => store.get(key)));
    return record?.file ? work(record) : TAKEN;
  });
}

/** Have the worker send it when the connection is back, even when the page is closed, in browsers that can do so. */
export async function wake() {
  const registration = await navigator.serviceWorker.getRegistration();
  try {
    await registration?.sync?.register(SYNC);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // not allowed here: the page itself sends it
  }
}

async function within(mode, ask) {
  const database = await open();
  try {
    const transaction = database.transaction(STORE, mode);
    const request = ask(transaction.objectStore(STORE));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    return request.result;
  } finally {
    database.close();
  }
}

function open() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(DATABASE, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "key" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}
