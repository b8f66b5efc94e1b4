// Wazo: commands with an "op", a start, and the bodies of events as published.
"use strict";
for (const version of [2, 1]) {
  protocols["wazo" + version] = {
    title: "Wazo, version " + version,
    dialect: "wazo",
    fields: { token: { label: "Token", placeholder: "for example: demo" } },
    path: "/",
    choice: {
      label: "Event name, or * for all that you may see",
      placeholder: "an event name",
      empty: "Nothing chosen: no events will arrive.",
      suggest: (name) => name,
    },
    needsStart: true,
    canPublish: true,
    problem: () => "",
    unreachableHint: "",
    closings: [],
    address({ token }) {
      const shown = "/?token=" + (token && MASK) + "&version=" + version;
      return { target: "/?" + new URLSearchParams({ token, version }), shown };
    },

    session(link) {
      const unanswered = []; // names with an unacknowledged subscription, in order
      let started = false;
      const send = (op, data) => link.send(JSON.stringify(data === undefined ? { op } : { op, data }));

      function arrived(body, text) {
        if (!isObject(body)) return;
        const keys = Object.keys(body).filter((key) => key.startsWith("user_uuid:"));
        const users = keys.map((key) => key.slice("user_uuid:".length));
        link.event({ name: body.name, tenant: body.tenant_uuid, users, data: body.data, text });
      }

      // Version 2 wraps the body. Cut out of the text, the body stays exactly as published.
      function bodyOf(text, message) {
        const head = /^\s*\{\s*"op":\s*"event",\s*"code":\s*0,\s*"data":\s*/.exec(text);
        return head ? text.slice(head[0].length, text.lastIndexOf("}")).trim() : JSON.stringify(message.data);
      }

      function answered(op) {
        if (op === "init") {
          link.ready();
        } else if (op === "start") {
          started = true;
          link.started();
          // Version 1 does not acknowledge messages that were sent after "start".
          if (version === 1) link.subscribed(unanswered.splice(0));
        } else if (op === "subscribe") {
          link.subscribed(unanswered.splice(0, 1));
        }
      }

      return {
        received(message, text) {
          // After the start, version 1 sends only the bodies of events.
          if (started && version === 1) arrived(message, text);
          else if (message.op === "event") arrived(message.data, bodyOf(text, message));
          else answered(message.op);
        },
        subscribe(names) {
          for (const name of names) send("subscribe", { event_name: name });
          if (started && version === 1) link.subscribed(names); // not acknowledged
          else unanswered.push(...names);
        },
        unsubscribe: (name) => send("unsubscribe", { event_name: name }),
        start: () => send("start"),
      };
    },
  };
}
