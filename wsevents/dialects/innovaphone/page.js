// innovaphone's AppWebsocket: a challenge, a digest, then one subscription for all that was chosen.
"use strict";
protocols.innovaphone = {
  title: "innovaphone",
  dialect: "innovaphone",
  fields: { app: { label: "App" }, password: { label: "Password", secret: true }, path: { label: "Path" } },
  path: "/PBX0/APPS/websocket",
  wants: {
    label: "Event name, or * for all the app may see",
    placeholder: "an event name",
    nothing: "Nothing chosen: nothing will arrive.",
    suggests: (name) => name,
  },
  mistake({ app, password }) {
    if (!crypto.subtle) return "On a page without TLS this browser does not compute the digest that the login needs.";
    return app && password ? "" : "Enter the app’s name and its password.";
  },
  refused: "",
  closings: [
    { code: 1008, reason: "login failed", meaning: "The app’s name is not known at this path, or the password is wrong.", advice: "enter the right ones, then connect again" },
    { code: 1008, reason: "login timeout", meaning: "The login took too long.", advice: "connect again" },
  ],
  where: ({ path }) => ({ target: path, shown: path }),

  // SHA-256 of app:domain:sip:guid:dn:challenge:password, of which this page has the first and the last two.
  async digest(app, challenge, password) {
    const text = [app, "", "", "", "", challenge, password].join(":");
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  },

  talk(link, { app, password }) {
    const EVENTS = { api: "Events", src: "page" };
    const unanswered = []; // the names of each subscription, in order
    const say = (message, masked) => link.send(JSON.stringify(message), masked && JSON.stringify({ ...message, ...masked }));

    // A subscription takes the place of the one before with the same src.
    function subscribe() {
      const names = link.chosen();
      if (!names.length) return say({ mt: "Unsubscribe", ...EVENTS });
      unanswered.push(names);
      return say({ mt: "Subscribe", ...EVENTS, events: names.includes("*") ? "*" : names });
    }

    const answers = {
      AppChallengeResult: async ({ challenge }) => {
        const digest = await protocols.innovaphone.digest(app, challenge, password);
        say({ mt: "AppLogin", app, digest }, { digest: MASK });
      },
      AppLoginResult({ ok }) {
        if (!ok) return; // the gateway closes
        link.ready();
        link.started();
      },
      SubscribeResult({ error }) {
        const names = unanswered.shift();
        if (error === undefined) link.live(names);
      },
      Event({ name, data }, text) {
        const users = isObject(data) && typeof data.user_uuid === "string" ? [data.user_uuid] : [];
        link.arrived({ name, users, data, text });
      },
    };

    return {
      opened: () => say({ mt: "AppChallenge" }),
      heard(message, text) {
        if (Object.hasOwn(answers, message.mt)) answers[message.mt](message, text);
      },
      choose: subscribe,
      drop: subscribe,
    };
  },
};
