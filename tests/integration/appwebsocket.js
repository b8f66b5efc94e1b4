/* What an app in a browser does with AppWebsocket: log in, tell answers apart by src, come back after a loss,
   encrypt and hash with the session key. Plain code for tests; nothing of it is needed to serve such apps. */
"use strict";

const utf8 = new TextEncoder();
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const sha256 = async (text) => hex(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8.encode(text))));

function rc4(key, data) {
  const box = Uint8Array.from({length: 256}, (_, index) => index);
  const swap = (one, other) => { [box[one], box[other]] = [box[other], box[one]]; };
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + box[i] + key[i % key.length]) % 256;
    swap(i, j);
  }
  let i = 0, j = 0;
  return data.map((byte) => {
    i = (i + 1) % 256;
    j = (j + box[i]) % 256;
    swap(i, j);
    return byte ^ box[(box[i] + box[j]) % 256];
  });
}

class AppWebsocket {
  constructor(url, login, password) {
    Object.assign(this, {url, login, password, waiting: new Map(), apis: new Map(), count: 0, delay: 100});
    this.events = {opened: 0, failed: 0, closed: [], other: []};
    this.dial();
  }

  dial() {
    this.socket = new WebSocket(this.url);
    this.socket.onopen = () => {
      this.put({mt: "CheckBuild", url: location.href});
      this.put({mt: "AppChallenge"});
    };
    this.queue = Promise.resolve();
    this.socket.onmessage = ({data}) => { this.queue = this.queue.then(() => this.take(JSON.parse(data))); };
    this.socket.onclose = ({code, reason, wasClean}) => {
      this.key = null;
      this.events.closed.push({code, reason, wasClean});
      setTimeout(() => this.dial(), this.delay);
      this.delay = Math.min(2 * this.delay, 32000);
    };
  }

  put(message) { this.socket.send(JSON.stringify(message)); }

  async take(message) {
    if (this.key) return this.route(message);
    if (message.mt === "CheckBuildResult" && message.url) location.href = message.url;
    if (message.mt === "AppChallengeResult") await this.answer(message.challenge);
    if (message.mt === "AppLoginResult") this.admitted(message.ok);
  }

  async answer(challenge) {
    const {app = "", domain = "", sip = "", guid = "", dn = "", info} = this.login;
    const told = info === undefined ? [] : [JSON.stringify(info)];
    const text = [app, domain, sip, guid, dn, ...told, challenge, this.password].join(":");
    this.offered = await sha256(`innovaphoneAppSessionKey:${challenge}:${this.password}`);
    this.challenge = challenge;
    this.put({mt: "AppLogin", ...this.login, digest: await sha256(text)});
  }

  admitted(ok) {
    if (!ok) {
      this.events.failed++;
      this.socket.close();
      return;
    }
    this.key = this.offered;
    this.delay = 100;
    this.events.opened++;
    if (this.onopen) this.onopen();
  }

  route(message) {
    const taker = this.waiting.get(message.src) || this.apis.get(message.api);
    if (taker) taker(message);
    else this.events.other.push(message);
  }

  /* Send with a src of its own; the answer, and whatever else comes with that src, goes to `taker`. */
  ask(message, taker) {
    const src = `src${this.count++}`;
    this.waiting.set(src, taker);
    this.put({...message, src});
    return src;
  }

  encrypt(seed, text) { return hex(rc4(utf8.encode(`${seed}:${this.key}`), utf8.encode(text))); }
  hash(seed, text) { return sha256(`${seed}:${this.key}:${text}`); }
}
