// innovaphone's AppWebsocket: login with challenge and digest, then one subscription for all chosen names.
"use strict";
protocols.innovaphone = {
  title: "innovaphone",
  dialect: "innovaphone",
  fields: { app: { label: "App" }, password: { label: "Password", secret: true }, path: { label: "Path" } },
  path: "/PBX0/APPS/websocket",
  choice: {
    label: "Event name, or * for all that the app may see",
    placeholder: "an event name",
    empty: "Nothing chosen: no events will arrive.",
    suggest: (name) => name,
  },
  problem({ app, password }) {
    if (!crypto.subtle) return "The login needs a digest that this browser computes only on a page with TLS.";
    return app && password ? "" : "Enter the name and the password of the app.";
  },
  unreachableHint: "",
  closings: [
    { code: 1008, reason: "login failed", meaning: "The name of the app is unknown at this path, or its password is wrong.", advice: "enter the correct name and password, then connect again" },
    { code: 1008, reason: "login timeout", meaning: "The client did not log in in time.", advice: "connect again" },
  ],
  address: ({ path }) => ({ target: path, shown: path }),

  // SHA-256 of app:domain:sip:guid:dn:challenge:password. This page leaves domain, sip, guid and dn empty.
  async digest(app, challenge, password) {
    const text = [app, "", "", "", "", challenge, password].join(":");
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  },

  session(link, { app, password }) {
    const EVENTS = { api: "Events", src: "page" };
    const unanswered = []; // the names of each subscription, in order
    const send = (message, masked) => link.send(JSON.stringify(message), masked && JSON.stringify({ ...message, ...masked }));

    // A subscription replaces the former one with the same src.
    function subscribe() {
      const names = link.chosen();
      if (!names.length) return send({ mt: "Unsubscribe", ...EVENTS });
      unanswered.push(names);
      return send({ mt: "Subscribe", ...EVENTS, events: names.includes("*") ? "*" : names });
    }

    const answers = {
      AppChallengeResult: async ({ challenge }) => {
        const digest = await protocols.innovaphone.digest(app, challenge, password);
        send({ mt: "AppLogin", app, digest }, { digest: MASK });
      },
      AppLoginResult({ ok }) {
        if (!ok) return; // the gateway closes the connection
        link.ready();
        link.started();
      },
      SubscribeResult({ error }) {
        const names = unanswered.shift();
        if (error === undefined) link.subscribed(names);
      },
      Event({ name, data }, text) {
        const users = isObject(data) && typeof data.user_uuid === "string" ? [data.user_uuid] : [];
        link.event({ name, users, data, text });
      },
    };

    return {
      opened: () => send({ mt: "AppChallenge" }),
      received(message, text) {
        if (Object.hasOwn(answers, message.mt)) answers[message.mt](message, text);
      },
      subscribe,
      unsubscribe: subscribe,
    };
  },
};
