// iSymphony: HTTP Basic, by user and password in the address; filters that replace those before.
"use strict";
protocols.isymphony = {
  title: "iSymphony",
  dialect: "isymphony",
  fields: { user: { label: "User" }, password: { label: "Password", secret: true }, path: { label: "Path" } },
  path: "/communication_manager/ws/event",
  wants: {
    label: "Filter such as type=dial or username=*, or * for all",
    placeholder: "type=dial",
    nothing: "Nothing chosen: everything arrives, for iSymphony has no other way.",
    suggests: (name) => "type=" + name,
  },
  mistake({ user, password }) {
    if (!user || !password) return "Enter user and password.";
    return user.includes(":") ? "A user’s name cannot have a colon: HTTP Basic ends it by one." : "";
  },
  refused: "Or the user or password is wrong, or your address may not connect; a browser does not learn which. "
    + "Or this browser does not send user and password with a WebSocket, as Chromium does: then this page cannot "
    + "speak iSymphony’s protocol in it; use another browser, or a program.",
  closings: [],
  where({ user, password, path }) {
    return { target: path, login: encodeURIComponent(user) + ":" + encodeURIComponent(password), shown: path };
  },

  talk(link) {
    const unanswered = new Map(); // correlationId -> the names that are in force when it is answered
    let last = 0;

    function filter() {
      const names = link.chosen();
      const filters = names.includes("*") ? [] : names.map((name) => {
        const [property, ...value] = name.includes("=") ? name.split("=") : ["type", name];
        return { property, value: value.join("=") };
      });
      last += 1;
      unanswered.set(last, names);
      link.send(JSON.stringify({ type: "filter", correlationId: last, filters }));
    }

    return {
      opened() {
        link.ready();
        link.started();
      },
      heard(message, text) {
        const { type, time, correlationId, coreServerId, ...data } = message;
        if ((type === "success" || type === "error") && unanswered.has(correlationId)) {
          if (type === "success") link.live(unanswered.get(correlationId));
          unanswered.delete(correlationId);
          return;
        }
        const users = typeof data.userId === "string" ? [data.userId] : [];
        link.arrived({ name: type, users, data, text });
      },
      choose: filter,
      drop: filter,
    };
  },
};
