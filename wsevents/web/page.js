// The live page: one connection with any of the protocols, a table of events, and explanations of errors.
// The contents of events are inserted as text, never as markup.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  const ROWS_MAX = 500;
  const PRETTY_MAX = 200000; // characters; longer JSON is shown without indentation
  const SPARK_SECONDS = 60;
  const RATE_SECONDS = 5;
  const scheme = location.protocol === "http:" ? "ws://" : "wss://";

  // -- why a session ended ------------------------------------------------------------------------

  const closings = JSON.parse($("closings").textContent);
  const ABNORMAL = 1006;
  const NEEDS_TOKEN = [4001, 4002, 4003];

  const UNKNOWN = { meaning: "The gateway closed the connection for a reason that this page does not know.", advice: "connect again" };

  // A close reason that is not in the table is unknown, even if the table has other reasons with its code.
  function explain(code, reason) {
    const same = (closing) => closing.code === code && closing.reason === reason;
    return protocol().closings.find(same) || closings.find(same) || UNKNOWN;
  }

  function sentence(text) {
    return text.charAt(0).toUpperCase() + text.slice(1) + ".";
  }

  function showClosed(event, opened) {
    const closing = explain(event.code, event.reason);
    const unreachable = event.code === ABNORMAL && !opened;
    $("closed-title").textContent = unreachable
      ? "No connection (1006)"
      : "The connection has ended: " + event.code + (event.reason ? " “" + event.reason + "”" : "");
    $("closed-meaning").textContent = unreachable
      ? "The page could not reach the gateway. Perhaps the gateway is not running, or the network or the browser blocks the connection. "
        + protocol().unreachableHint
      : closing.meaning + (event.code === ABNORMAL ? protocol().droppedHint || "" : "");
    $("closed-advice").textContent = "What to do: " + sentence(closing.advice);
    $("closed-certificate").hidden = event.code !== ABNORMAL;
    $("closed").hidden = false;
    frames.add("note", "closed: " + event.code + " " + event.reason);
    if (NEEDS_TOKEN.includes(closing.code)) {
      const [input] = Object.keys(protocol().fields).map((name) => inputs.get(name));
      input.focus();
      input.select();
    }
  }

  function showProblem(text) {
    $("closed-title").textContent = "Not connected";
    $("closed-meaning").textContent = text;
    $("closed-advice").textContent = "";
    $("closed-certificate").hidden = true;
    $("closed").hidden = false;
  }

  // -- the protocol and its fields -----------------------------------------------------------------

  const inputs = new Map([["path", $("path")]]); // the name of a field -> its input
  const NONE = { // if the page supports none of the protocols of the gateway
    fields: {},
    path: "/",
    choice: { label: "Event name", placeholder: "", empty: "", suggest: (name) => name },
  };
  const protocol = () => protocols[$("protocol").value] || NONE;

  function offerProtocols() {
    for (const [key, { title, fields }] of Object.entries(protocols)) {
      const option = make("option", "", title);
      option.value = key;
      $("protocol").append(option);
      for (const [name, { secret }] of Object.entries(fields)) if (!inputs.has(name)) addInput(name, secret);
    }
    $("protocol").disabled = $("connect").disabled = protocol() === NONE;
  }

  function addInput(name, secret) {
    const label = make("label");
    const input = make("input");
    input.type = secret ? "password" : "text";
    input.autocomplete = input.autocapitalize = "off";
    input.spellcheck = false;
    label.htmlFor = input.id = $(name) ? "field-" + name : name;
    $("connection").append(label, input);
    inputs.set(name, input);
  }

  // Fields are in the order of their protocol, the path last.
  function insert(input) {
    if (input !== $("path")) $("path").labels[0].before(input.labels[0], input);
  }

  function given() {
    const value = (input) => (input.type === "password" ? input.value : input.value.trim());
    return Object.fromEntries(Array.from(inputs, ([name, input]) => [name, value(input)]));
  }

  let dialect = "";
  function showProtocol() {
    const { fields, path, choice, needsStart, canPublish } = protocol();
    for (const [name, input] of inputs) {
      const { label, placeholder } = fields[name] || {};
      input.hidden = input.labels[0].hidden = !label;
      input.labels[0].textContent = label || "";
      input.placeholder = placeholder || "";
    }
    for (const name of Object.keys(fields)) insert(inputs.get(name));
    if (protocol().dialect !== dialect) {
      $("path").value = path;
      resetChoice(choice);
    }
    dialect = protocol().dialect;
    $("start-panel").hidden = !needsStart;
    $("publish").hidden = !canPublish || document.querySelector('meta[name="wsevents-publish"]').content !== "yes";
    showAddress();
  }

  function showAddress() {
    $("address").textContent = scheme + location.host + $("path").value.trim();
  }

  // -- the connection -------------------------------------------------------------------------------

  let socket = null;
  let state = "idle"; // idle, connecting, ready, started, closed
  let session = null; // the session of the protocol on this connection
  let restart = false; // start without a click when ready, because the last connection was started
  const chosen = new Map(); // name -> its chip, which is live while the page knows of an active subscription

  const STATES = {
    idle: ["Not connected", "Enter your credentials and connect."],
    connecting: ["Connecting…", "The gateway is checking your credentials…"],
    ready: ["Connected, not started", "Connected. Choose events, then start."],
    started: ["Receiving events", "Waiting for events…"],
    closed: ["Disconnected", "Not connected. Connect again to receive events."],
  };

  function enter(next) {
    state = next;
    const on = socket !== null;
    $("status").dataset.state = next;
    $("status-text").textContent = STATES[next][0];
    $("connect").textContent = on ? "Disconnect" : "Connect";
    $("connect").classList.toggle("primary", !on);
    for (const input of inputs.values()) input.readOnly = on;
    $("protocol").disabled = on || protocol() === NONE;
    $("start").disabled = next !== "ready";
    $("start").textContent = next === "started" ? "Receiving" : "Start receiving";
    $("empty").textContent = STATES[next][1];
  }

  function connect() {
    const fields = given();
    // Without a slash, the path could change the host of the address.
    const problem = fields.path.startsWith("/") ? protocol().problem(fields) : "The path must begin with a slash.";
    if (problem) {
      showProblem(problem);
      return;
    }
    const { target, login, shown } = protocol().address(fields);
    const masked = scheme + (login ? MASK + "@" : "") + location.host + shown;
    let mine;
    try {
      mine = new WebSocket(scheme + (login ? login + "@" : "") + location.host + target);
    } catch {
      showProblem("This browser does not permit a connection to " + masked + ". Use another browser or a program.");
      return;
    }
    frames.add("note", "connecting to " + masked);
    let opened = false;
    $("closed").hidden = true;
    socket = mine;
    session = protocol().session(linkTo(mine), fields);
    enter("connecting");
    mine.onopen = () => {
      opened = true;
      if (socket === mine && session.opened) session.opened();
    };
    mine.onmessage = (event) => { if (socket === mine) receive(event.data); };
    mine.onclose = (event) => {
      if (socket !== mine) return; // closed from this page
      restart = state === "started";
      disconnected("closed");
      showClosed(event, opened);
    };
  }

  // The functions for the session of a protocol. They have no effect after the end of its connection.
  function linkTo(mine) {
    const guarded = (action) => (...given) => { if (socket === mine) action(...given); };
    return {
      send: guarded((text, shown) => {
        frames.add("out", shown || text);
        mine.send(text);
      }),
      ready: guarded(ready),
      started: guarded(() => enter("started")),
      subscribed: guarded((names) => names.forEach((name) => mark(name, true))),
      event: guarded(arrived),
      chosen: () => [...chosen.keys()],
    };
  }

  function ready() {
    enter("ready");
    if (chosen.size) session.subscribe([...chosen.keys()]);
    if (restart && session.start) session.start();
    restart = false;
  }

  function disconnected(next) {
    socket = session = null;
    for (const name of chosen.keys()) mark(name, false);
    enter(next);
  }

  function disconnect() {
    const old = socket;
    restart = false;
    disconnected("idle");
    frames.add("note", "closed by this page");
    old.close(1000);
  }

  function receive(text) {
    frames.add("in", text);
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (isObject(message)) session.received(message, text);
  }

  // -- event names ------------------------------------------------------------------------------------

  const subscribing = () => state === "ready" || state === "started";

  function mark(name, live) {
    const chip = chosen.get(name);
    if (!chip) return; // removed by the user meanwhile
    chip.classList.toggle("live", live);
    chip.title = live ? "Subscribed" : "Not subscribed yet";
  }

  function choose(name) {
    if (!name || chosen.has(name)) return;
    chosen.set(name, makeChip(name));
    $("chips").append(chosen.get(name));
    mark(name, false);
    if (subscribing()) session.subscribe([name]);
    $("chips-hint").hidden = true;
  }

  function drop(name) {
    chosen.get(name).remove();
    chosen.delete(name);
    if (subscribing()) session.unsubscribe(name);
    $("chips-hint").hidden = chosen.size > 0;
    $("name").focus();
  }

  // Choices of one protocol are not valid in another one.
  function resetChoice({ label, placeholder, empty }) {
    document.querySelector("label[for=name]").textContent = label;
    $("name").placeholder = placeholder;
    $("chips-hint").textContent = empty;
    chosen.clear();
    $("chips").replaceChildren();
    suggested.clear();
    $("names").replaceChildren();
    suggest("*");
    choose("*");
  }

  function makeChip(name) {
    const chip = make("li");
    const remove = make("button", "", "×");
    remove.type = "button";
    remove.setAttribute("aria-label", "Do not receive " + name);
    remove.addEventListener("click", () => drop(name));
    chip.append(make("span", "", name), remove);
    return chip;
  }

  const suggested = new Set();
  function suggest(name) {
    if (suggested.has(name) || suggested.size > 500) return;
    suggested.add(name);
    $("names").append(make("option"));
    $("names").lastChild.value = name;
  }

  // -- the summary of an event ---------------------------------------------------------------------------

  const people = new Map(); // user uuid -> name, from events of calls

  function learn(data) {
    const { user_uuid: uuid, caller_id_name: name } = data;
    if (typeof uuid !== "string" || typeof name !== "string" || !("is_caller" in data)) return;
    if (people.has(uuid) || people.size > 500) return;
    people.set(uuid, name);
    const option = make("option", "", name);
    option.value = uuid;
    $("users").append(option);
  }

  function short(uuid) {
    return uuid.length > 12 ? "…" + uuid.slice(-6) : uuid;
  }

  function audience(users) {
    if (!users.length) return { text: "–", title: "for no particular user" };
    if (users.includes("*")) return { text: "everyone", title: "every user of the tenant" };
    return { text: users.map((uuid) => people.get(uuid) || short(uuid)).join(", "), title: users.join("\n") };
  }

  const isText = (value) => ["string", "number", "boolean"].includes(typeof value) && value !== "";

  function summary(data) {
    if (isText(data.peer_caller_id_name) && isText(data.caller_id_name)) {
      const [from, to] = data.is_caller
        ? [data.caller_id_name, data.peer_caller_id_name]
        : [data.peer_caller_id_name, data.caller_id_name];
      return from + " → " + to + " · " + data.status + (data.on_hold ? ", on hold" : "");
    }
    if (isText(data.source_name) && isText(data.destination_name)) {
      const length = data.duration === null ? "not answered" : data.duration + " s";
      return data.source_name + " → " + data.destination_name + " · " + length;
    }
    const message = data.message;
    if (message && isText(message.caller_id_name)) {
      return "from " + message.caller_id_name + " · " + message.duration + " s · " + (message.folder || {}).name;
    }
    if (isText(data.reason) && isText(data.caller_id_name)) return "from " + data.caller_id_name + " · " + data.reason;
    const parts = Object.entries(data).filter(([, value]) => isText(value));
    const readable = parts.filter(([key, value]) => people.has(value) || !/(_id|_uuid|Id|^id|^uuid)$/.test(key));
    return (readable.length ? readable : parts).slice(0, 4)
      .map(([key, value]) => people.get(value) || key + ": " + value).join(" · ");
  }

  function hue(name) {
    let sum = 0;
    // With this multiplier and modulus, common events have clearly different colours.
    for (const letter of name.split("_", 1)[0]) sum = (sum * 104 + letter.codePointAt(0)) % 1009;
    return sum % 360;
  }

  // -- the table -----------------------------------------------------------------------------------------

  const rows = $("rows");
  const entries = []; // one for each event in the table, the newest last
  let waiting = []; // received, but not shown yet
  let painting = false;
  let paused = false;
  let total = 0;
  let serial = 0;
  const seconds = new Array(SPARK_SECONDS).fill(0);

  function arrived(event) {
    total += 1;
    seconds[SPARK_SECONDS - 1] += 1;
    const name = typeof event.name === "string" ? event.name : "(no name)";
    const data = event.data !== null && typeof event.data === "object" ? event.data : {};
    suggest(protocol().choice.suggest(name));
    learn(data);
    waiting.push({ ...event, at: new Date(), name, data });
    if (waiting.length > ROWS_MAX) waiting.shift();
    paintSoon();
  }

  function paintSoon() {
    if (painting) return;
    painting = true;
    requestAnimationFrame(() => {
      painting = false;
      paint();
    });
  }

  function paint() {
    $("total").textContent = total.toLocaleString();
    if (paused) {
      $("pause").textContent = waiting.length ? "Resume (" + waiting.length + " new)" : "Resume";
      return;
    }
    for (const event of waiting) {
      const entry = makeEntry(event);
      entries.push(entry);
      rows.prepend(entry.row);
    }
    waiting = [];
    for (const old of entries.splice(0, Math.max(0, entries.length - ROWS_MAX))) remove(old);
    showCount();
  }

  function remove(entry) {
    entry.row.remove();
    if (entry.detail) entry.detail.remove();
  }

  function makeEntry({ at, name, tenant: uuid, users, data, text }) {
    const row = make("tr", "event");
    const toggle = make("button", "toggle");
    toggle.setAttribute("aria-expanded", "false");
    toggle.setAttribute("aria-label", "JSON of " + name);
    const clock = make("time", "", at.toTimeString().slice(0, 8) + "." + String(at.getMilliseconds()).padStart(3, "0"));
    clock.dateTime = at.toISOString();
    const label = make("span", "name", name);
    label.style.setProperty("--hue", hue(name));
    const { text: who, title } = audience(users);
    const user = make("span", "", who);
    user.title = title;
    const tenant = make("span", "tenant", typeof uuid === "string" ? short(uuid) : "");
    tenant.title = "tenant " + uuid;
    const cells = [toggle, clock, label, [user, tenant], [summary(data)]].map((content) => {
      const cell = make("td");
      cell.append(...[content].flat());
      return cell;
    });
    cells[4].className = "summary";
    row.append(...cells);
    const entry = { row, toggle, text, detail: null, hay: (name + " " + who + " " + cells[4].textContent + " " + text).toLowerCase() };
    row.addEventListener("click", () => expand(entry));
    sift(entry);
    return entry;
  }

  function expand(entry) {
    if (String(getSelection())) return; // the user selected text
    if (entry.detail) {
      entry.detail.remove();
      entry.detail = null;
    } else {
      entry.detail = makeDetail(entry);
      entry.row.after(entry.detail);
      pause(true); // otherwise new events would move the open one out of view
      entry.detail.scrollIntoView({ block: "nearest" });
      entry.row.scrollIntoView({ block: "nearest" });
    }
    const open = entry.detail !== null;
    entry.toggle.setAttribute("aria-expanded", String(open));
    entry.row.classList.toggle("open", open);
  }

  function makeDetail(entry) {
    const detail = make("tr", "detail");
    const cell = make("td");
    cell.colSpan = 5;
    const raw = make("div", "raw");
    const pre = make("pre");
    pre.id = "json-" + (serial += 1);
    entry.toggle.setAttribute("aria-controls", pre.id);
    pretty(entry.text, pre);
    const copy = make("button", "copy", "Copy");
    copy.addEventListener("click", () => copyText(pre, copy));
    raw.append(pre, copy);
    cell.append(raw);
    detail.append(cell);
    return detail;
  }

  async function copyText(pre, button) {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(pre);
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }

  // Indents without parsing, so that numbers keep all digits and keys their order.
  function pretty(text, into) {
    if (text.length > PRETTY_MAX) {
      into.textContent = text;
      return;
    }
    const tokens = text.match(/"(?:[^"\\]+|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) || [];
    let depth = 0;
    const line = () => into.append("\n" + "  ".repeat(depth));
    tokens.forEach((token, at) => {
      const empty = "{[".includes(tokens[at - 1]) && "}]".includes(token);
      if ("{[".includes(token)) {
        into.append(token);
        if (!"}]".includes(tokens[at + 1])) {
          depth += 1;
          line();
        }
      } else if ("}]".includes(token)) {
        if (!empty) {
          depth -= 1;
          line();
        }
        into.append(token);
      } else if (token === ",") {
        into.append(token);
        line();
      } else if (token === ":") {
        into.append(": ");
      } else {
        const kind = token[0] !== '"' ? "other" : tokens[at + 1] === ":" ? "key" : "string";
        into.append(make("span", "json-" + kind, token));
      }
    });
  }

  function sift(entry) {
    const wanted = $("filter").value.trim().toLowerCase();
    const hidden = wanted !== "" && !entry.hay.includes(wanted);
    entry.row.hidden = hidden;
    if (entry.detail) entry.detail.hidden = hidden;
  }

  function showCount() {
    const visible = entries.filter((entry) => !entry.row.hidden).length;
    $("shown").textContent = entries.length ? "Showing " + visible + " of " + entries.length + "." : "";
    $("empty").hidden = entries.length > 0;
  }

  function pause(on) {
    paused = on;
    $("pause").setAttribute("aria-pressed", String(on));
    $("pause").textContent = on ? "Resume" : "Pause";
    paint();
    frames.paint();
  }

  function clear() {
    entries.splice(0).forEach(remove);
    waiting = [];
    frames.clear();
    paint();
    showCount();
  }

  const frames = Frames.of($("frames"), () => paused, () => pause(true));

  // -- once a second ---------------------------------------------------------------------------------------

  const bars = seconds.map((_, at) => {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    bar.setAttribute("x", String(at * 2));
    bar.setAttribute("width", "1.4");
    $("spark").append(bar);
    return bar;
  });

  function tick() {
    const last = seconds.slice(-RATE_SECONDS).reduce((sum, count) => sum + count, 0);
    $("rate").textContent = (last / RATE_SECONDS).toFixed(1);
    const most = Math.max(8, ...seconds);
    bars.forEach((bar, at) => {
      const height = (22 * seconds[at]) / most;
      bar.setAttribute("height", String(height));
      bar.setAttribute("y", String(24 - height));
    });
    seconds.shift();
    seconds.push(0);
  }

  // -- publishing ------------------------------------------------------------------------------------------

  async function publish() {
    const data = $("publish-data").value;
    try {
      JSON.parse(data);
    } catch (error) {
      sayPublished(false, "The data is not JSON: " + error.message);
      return;
    }
    // The data is sent as typed, so that numbers keep all digits.
    const head = JSON.stringify({ name: $("publish-name").value.trim(), user_uuid: $("publish-user").value.trim() || null });
    try {
      const response = await fetch("/publish", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Auth-Token": given().token },
        body: head.slice(0, -1) + ',"data":' + data + "}",
        cache: "no-store",
        credentials: "omit",
      });
      const text = await response.text();
      if (response.status === 202) sayPublished(true, "Published.", text);
      else sayPublished(false, "Not published (" + response.status + "): " + errorIn(text));
    } catch (error) {
      sayPublished(false, "Not published: " + error.message);
    }
  }

  function errorIn(text) {
    try {
      return JSON.parse(text).error || text;
    } catch {
      return text || "no response";
    }
  }

  function sayPublished(good, text, json) {
    const parts = [make("p", good ? "good" : "bad", text)];
    if (json !== undefined) {
      parts.push(make("pre"));
      pretty(json, parts[1]);
    }
    $("publish-answer").replaceChildren(...parts);
  }

  // -- start of the page ------------------------------------------------------------------------------------

  function submits(form, action) {
    $(form).addEventListener("submit", (event) => {
      event.preventDefault();
      action();
    });
  }

  // Credentials can be in the fragment, which a browser sends to no server. They are removed from the address.
  function takeFragment() {
    const values = new URLSearchParams(location.hash.slice(1));
    if (!["protocol", ...inputs.keys()].some((name) => values.has(name))) return;
    history.replaceState(null, "", location.pathname);
    if (socket) disconnect();
    const offered = Array.from($("protocol").options, (option) => option.value);
    if (offered.includes(values.get("protocol"))) $("protocol").value = values.get("protocol");
    showProtocol();
    for (const [name, input] of inputs) if (values.has(name)) input.value = values.get(name);
    showAddress();
  }

  submits("connection", () => (socket ? disconnect() : connect()));
  submits("choice", () => {
    choose($("name").value.trim());
    $("name").value = "";
  });
  submits("publication", publish);
  $("start").addEventListener("click", () => {
    session.start();
    pause(false);
  });
  $("reconnect").addEventListener("click", () => { if (!socket) connect(); });
  $("dismiss").addEventListener("click", () => { $("closed").hidden = true; });
  $("pause").addEventListener("click", () => pause(!paused));
  $("clear").addEventListener("click", clear);
  $("filter").addEventListener("input", () => {
    entries.forEach(sift);
    showCount();
  });
  $("protocol").addEventListener("change", showProtocol);
  $("path").addEventListener("input", showAddress);
  addEventListener("hashchange", takeFragment);

  $("closed-link").href = $("closed-link").textContent = location.origin + "/";
  offerProtocols();
  showProtocol();
  takeFragment();
  enter("idle");
  setInterval(tick, 1000);
})();
