// iSymphony: HTTP Basic, with user and password in the address; each filter message replaces all filters.
"use strict";
protocols.isymphony = {
  title: "iSymphony",
  dialect: "isymphony",
  fields: { user: { label: "User" }, password: { label: "Password", secret: true }, path: { label: "Path" } },
  path: "/communication_manager/ws/event",
  choice: {
    label: "Filter such as type=dial or username=*, or * for all",
    placeholder: "type=dial",
    empty: "Nothing chosen: all events arrive. iSymphony has no other way.",
    suggest: (name) => "type=" + name,
  },
  problem({ user, password }) {
    if (!user || !password) return "Enter user and password.";
    return user.includes(":") ? "A user name cannot contain a colon, because HTTP Basic ends the name with one." : "";
  },
  unreachableHint: "Or the user or the password is wrong, or your address may not connect; a browser gets no details. "
    + "Or this browser, unlike Chromium, does not send user and password with a WebSocket; then use another browser "
    + "or a program.",
  closings: [],
  address({ user, password, path }) {
    return { target: path, login: encodeURIComponent(user) + ":" + encodeURIComponent(password), shown: path };
  },

  session(link) {
    const unanswered = new Map(); // correlationId -> the names that are active after a reply with this id
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
      received(message, text) {
        const { type, time, correlationId, coreServerId, ...data } = message;
        if ((type === "success" || type === "error") && unanswered.has(correlationId)) {
          if (type === "success") link.subscribed(unanswered.get(correlationId));
          unanswered.delete(correlationId);
          return;
        }
        const users = typeof data.userId === "string" ? [data.userId] : [];
        link.event({ name: type, users, data, text });
      },
      subscribe: filter,
      unsubscribe: filter,
    };
  },
};
