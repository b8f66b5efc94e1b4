// Prints events of Wazo. Needs Node 18 or newer and `npm install ws`.
//
// WAZO_USER=… WAZO_PASSWORD=… node wazo.js wss://HOST/api/websocketd/ https://HOST/api/auth/0.1/token EVENT …
"use strict";
const WebSocket = require("ws");

const [url, auth, ...names] = process.argv.slice(2);
// Code and reason of close frames after which a retry fails in the same way.
const USELESS = [
  [1002, ""],
  [1007, ""],
  [1008, "ended by an administrator"],
  [1008, "authentication timeout"],
  [1009, ""],
  [4001, "no token"],
  [4004, ""],
];
const isUseless = (code, reason) => USELESS.some((one) => one[0] === code && one[1] === reason);
const LONGEST = 60; // seconds to wait before a retry, at most
const QUIET = 90; // seconds without a ping; the gateway sends one every 60
let tries = 0;

// Log in; return the token and its expiry in milliseconds since 1970.
async function newToken() {
  const login = Buffer.from(`${process.env.WAZO_USER}:${process.env.WAZO_PASSWORD}`).toString("base64");
  const answer = await fetch(auth, {
    method: "POST",
    headers: {Authorization: `Basic ${login}`, "Content-Type": "application/json"},
    body: JSON.stringify({expiration: 7200}),
    signal: AbortSignal.timeout(10000),
  });
  if (answer.status === 401) {
    console.error("wrong user or password");
    process.exit(1);
  }
  if (!answer.ok) throw new Error(`wazo-auth answered ${answer.status}`);
  const {data} = await answer.json();
  return {token: data.token, ends: Date.parse(data.utc_expires_at + "Z")};
}

// Request the current state from the REST APIs here: earlier events are not sent.
function catchUp() {
  console.log("listening");
}

// Process an event here.
function handle(event) {
  console.log(event.name);
}

// Handle events until the connection ends.
async function listen() {
  const began = Date.now();
  let token, ends;
  try {
    ({token, ends} = await newToken());
  } catch (error) {
    console.log("not connected:", error.message);
    return again(began);
  }
  const socket = new WebSocket(`${url}?version=2`, {headers: {"X-Auth-Token": token}});
  const say = (op, data) => socket.send(JSON.stringify({op, data}));
  let watchdog, renewal;

  // The library answers pings, but does not notice that they stop.
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => socket.terminate(), QUIET * 1000);
  };
  // Send a new token after half of the lifetime of each token.
  const renewLater = () => {
    renewal = setTimeout(async () => {
      try {
        ({token, ends} = await newToken());
        if (socket.readyState === WebSocket.OPEN) say("token", {token});
      } catch {
        // The old token is valid for the same time again.
      }
      if (socket.readyState === WebSocket.OPEN) renewLater();
    }, Math.max(1000, (ends - Date.now()) / 2));
  };

  socket.on("open", () => {
    alive();
    renewLater();
    for (const name of names) say("subscribe", {event_name: name});
    say("start");
  });
  socket.on("ping", alive);
  socket.on("message", (text) => {
    const message = JSON.parse(text);
    if (message.op === "start") catchUp();
    else if (message.op === "event") handle(message.data);
  });
  socket.on("error", (error) => console.log("not connected:", error.message)); // "close" follows
  socket.on("close", (code, reason) => {
    clearTimeout(watchdog);
    clearTimeout(renewal);
    console.log("closed:", code, String(reason));
    if (isUseless(code, String(reason))) process.exit(1);
    again(began);
  });
}

// A random delay, so that the clients of a restarted gateway do not reconnect all at once.
function again(began) {
  tries = Date.now() - began > LONGEST * 1000 ? 1 : tries + 1;
  setTimeout(listen, Math.random() * Math.min(LONGEST, 2 ** tries) * 1000);
}

listen();
