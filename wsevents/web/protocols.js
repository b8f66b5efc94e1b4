// The protocols that the page supports. The script of each dialect adds its protocols: protocols.NAME = { … }.
//
// A protocol is an object with these properties:
//   title            its name for users
//   dialect          name of the dialect, which several protocols may share
//   fields           the fields of the form, by name: { label, placeholder?, secret? }
//   path             the default path; with a field "path" the user can change it
//   choice           the form of step 2: { label, placeholder, empty, suggest }. `empty` is the hint if nothing is
//                    chosen; suggest(name) returns the choice to suggest for an event of this name
//   needsStart       whether events come only after a start
//   canPublish       whether the field "token" is valid for /publish
//   problem          (fields) -> why the fields cannot be used, or ""
//   unreachableHint  other reasons why a connection could not be opened, or ""
//   droppedHint      optional: other reasons why a connection ended without a close frame
//   closings         close reasons of the protocol, in the format of those in the page
//   address          (fields) -> { target, login, shown }: target is path and query, login is "user:password" or
//                    undefined, shown is the target with its secrets masked
//   session          (link, fields) -> { opened?, received, subscribe, unsubscribe, start? }: one connection
//
// A link has these functions:
//   send(text, shown)  send a message; the page shows `shown` instead, if it is given
//   ready()            the gateway has accepted the client
//   started()          events can arrive from now on
//   subscribed(names)  the subscriptions to these names are active
//   event(event)       an event has arrived: { name, tenant, users (uuids), data, text (the JSON as received) }
//   chosen()           return all chosen names
"use strict";
const protocols = {};
const MASK = "••••";
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
